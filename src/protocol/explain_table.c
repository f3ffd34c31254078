/*
 * explain_table: what is said about lines of either protocol. See explain_table.h.
 */
#include "protocol/explain_table.h"

const struct explain_remark explain_connects = { "a TCP connection is there; the server speaks first",
	                                         "RFC 5321 section 3.1, RFC 1939 section 3" };
const struct explain_remark explain_too_early = {
	"the client speaks before the server has greeted; it should have waited",
	"RFC 5321 section 4.3.1, RFC 1939 section 4"
};
const struct explain_remark explain_no_reply = {
	"this is no reply: SMTP's begin with three digits, POP3's with +OK or -ERR",
	"RFC 5321 section 4.2, RFC 1939 section 3"
};
const struct explain_remark explain_more_lines = {
	"the hyphen behind the code says that this reply has more lines; its last has a blank there",
	"RFC 5321 section 4.2.1"
};
const struct explain_remark explain_no_extension = { "something else that this server can do",
	                                             "RFC 5321 section 2.2, RFC 2449 section 6" };
const struct explain_remark explain_stuffed = { "a line of the text begins with a full stop: it travels doubled, so "
	                                        "that it is not taken for the end, and the receiver takes one off",
	                                        "RFC 5321 section 4.5.2, RFC 1939 section 3" };
const struct explain_remark explain_lines_end = { "the full stop alone on its line ends the answer",
	                                          "RFC 1939 section 3" };
const char explain_spelling[] = "; spelled as a course does it, no RFC has this form";
const char explain_lines_follow[] = "; lines follow, up to one with only a full stop";
