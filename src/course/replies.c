/*
 * replies: the built-in table of what the servers say.
 *
 * A course file may override code and text of each row (course.c). Enhanced codes are those of RFC 3463 and 5248; rows that never carry one
 * (RFC 2034 section 4: the greeting and the answer to EHLO; 354 has no class for it; POP3) hold NULL. A text stays within
 * REPLY_TEXT_MAX octets, so that the whole line keeps within the 512 of RFC 5321 section 4.5.3.1.5.
 */
#include "course/replies.h"

#include <stddef.h>

const struct reply replies_default[REPLY_COUNT] = {
	[REPLY_GREETING] = { "greeting", 220, NULL, "%d Service Ready" },
	[REPLY_CROWDED] = { "crowded", 421, "4.3.2", "%d Too many connections, try again later" },
	[REPLY_TOO_MANY] = { "too_many_connections", 421, "4.7.0",
	                     "%d Too many connections from your address, close one or try again later" },
	[REPLY_TOO_OFTEN] = { "too_often", 421, "4.7.0",
	                      "%d Too many new connections from your address, try again in a minute" },
	[REPLY_SHUTDOWN] = { "shutdown", 421, "4.3.2", "%d Service is shutting down, closing transmission channel" },
	[REPLY_IDLE] = { "idle", 421, "4.4.2", "%d Nothing heard for too long, closing transmission channel" },
	[REPLY_TOO_MANY_ERRORS] = { "too_many_errors", 421, "4.7.0",
	                            "%d Too many errors, closing transmission channel" },
	[REPLY_TOO_SLOW] = { "too_slow", 421, "4.4.2", "%d The mail comes too slowly, closing transmission channel" },
	[REPLY_GOODBYE] = { "goodbye", 221, "2.0.0", "%d Service closing transmission channel" },
	[REPLY_HELLO] = { "hello", 250, NULL, "OK Hello %c" },
	[REPLY_RESET] = { "reset", 250, "2.0.0", "OK Transaction reset" },
	[REPLY_NOOP] = { "noop", 250, "2.0.0", "OK" },
	[REPLY_VRFY] = { "vrfy", 252, "2.5.0", "Cannot verify the user, but will take mail and try to deliver it" },
	[REPLY_HELP] = { "help", 214, "2.0.0", "%t" },

	[REPLY_TLS_START] = { "tls_start", 220, "2.0.0", "Ready to start TLS" },

	[REPLY_AUTH_OK] = { "auth_ok", 235, "2.7.0", "Authentication succeeded" },
	[REPLY_AUTH_CHALLENGE] = { "auth_challenge", 334, NULL, "%t" },
	[REPLY_AUTH_WRONG] = { "auth_wrong", 535, "5.7.8", "Authentication failed: wrong user name or password" },
	[REPLY_AUTH_MALFORMED] = { "auth_malformed", 501, "5.5.2",
	                           "Not the BASE64 that this mechanism asks for; authentication ended" },
	[REPLY_AUTH_CANCELLED] = { "auth_cancelled", 501, "5.0.0", "Authentication cancelled" },
	[REPLY_AUTH_MECHANISM] = { "auth_mechanism", 504, "5.5.4", "Mechanism not offered; there is: %t" },
	[REPLY_AUTH_NEEDS_TLS] = { "auth_needs_tls", 538, "5.7.11",
	                           "Encryption required for this mechanism: say STARTTLS first" },
	[REPLY_AUTH_REQUIRED] = { "auth_required", 530, "5.7.0", "Authentication required: say AUTH first" },
	[REPLY_AUTH_LATER] = { "auth_later", 454, "4.7.0", "Authentication cannot be checked now, try again later" },
	[REPLY_AUTH_TOO_OFTEN] = { "auth_too_often", 421, "4.7.0",
	                           "%d Too many failed authentications, closing transmission channel" },

	[REPLY_SENDER_OK] = { "sender_ok", 250, "2.1.0", "<%s>... Sender ok" },
	[REPLY_RECIPIENT_OK] = { "recipient_ok", 250, "2.1.5", "<%r>... Recipient ok" },
	[REPLY_NO_SUCH_USER] = { "no_such_user", 550, "5.1.1", "No such user" },
	[REPLY_DATA_START] = { "data_start", 354, NULL, "Start mail input; end with <CRLF>.<CRLF>" },
	[REPLY_ACCEPTED] = { "accepted", 250, "2.0.0", "OK Message accepted for delivery" },
	[REPLY_NO_RECIPIENTS] = { "no_recipients", 554, "5.5.1", "No valid recipients" },
	[REPLY_TOO_MANY_RECIPIENTS] = { "too_many_recipients", 452, "4.5.3",
	                                "Too many recipients; send the mail to the rest in another transaction" },
	[REPLY_TOO_BIG] = { "too_big", 552, "5.3.4", "Message is larger than %n octets" },
	[REPLY_BARE_CR] = { "bare_cr", 554, "5.6.0", "Message holds a CR that is not followed by LF" },
	[REPLY_BARE_LF] = { "bare_lf", 554, "5.6.0", "Message holds a LF that does not follow a CR" },
	[REPLY_NO_LINE_END] = { "no_line_end", 554, "5.6.0", "Message does not end with a line end (CR LF)" },
	[REPLY_LOOP] = { "loop", 554, "5.4.6", "Message has passed too many servers: it is in a loop" },
	[REPLY_NO_RELAY] = { "no_relay", 550, "5.7.1", "Mail for this domain is not taken here" },
	[REPLY_NO_DOMAIN] = { "no_domain", 550, "5.1.2", "The recipient's domain is missing" },
	[REPLY_NEEDS_SMTPUTF8] = { "needs_smtputf8", 553, "5.6.7",
	                           "The address is not ASCII: MAIL needs the parameter SMTPUTF8" },
	[REPLY_MAILBOX_FULL] = { "mailbox_full", 452, "4.2.2", "The recipient's mailbox is full, try again later" },
	[REPLY_CHUNK] = { "chunk", 250, "2.0.0", "%n octets received" },
	[REPLY_SUBJECT_TOO_LONG] = { "subject_too_long", 554, "5.6.0", "Subject is longer than %n characters" },
	[REPLY_STORAGE_FULL] = { "storage_full", 452, "4.3.1", "No room to store the message, try again later" },
	[REPLY_TRY_LATER] = { "try_later", 451, "4.3.0", "Local error in processing, try again later" },

	[REPLY_REGISTERED] = { "registered", 250, "2.0.0", "%a" },
	[REPLY_NOT_YOUR_ADDRESS] = { "not_your_address", 553, "5.7.1", "<%s> is not your address, <%a> is" },
	[REPLY_RETRIEVED] = { "retrieved", 250, "2.0.0", "OK Unread mails: %n" },

	[REPLY_UNKNOWN_COMMAND] = { "unknown_command", 500, "5.5.2",
	                            "Command not recognised; HELP lists the commands" },
	[REPLY_NOT_IMPLEMENTED] = { "not_implemented", 502, "5.5.1",
	                            "Command not implemented; HELP lists the commands" },
	[REPLY_LINE_END] = { "line_end", 500, "5.5.2",
	                     "Line ends in LF alone; lines end in CR LF here (nc -C sends that)" },
	[REPLY_LINE_TOO_LONG] = { "line_too_long", 500, "5.5.2", "Line too long" },
	[REPLY_SYNTAX] = { "syntax", 501, "5.5.4", "Syntax error; the correct form is: %t" },
	[REPLY_WRONG_ORDER] = { "wrong_order", 503, "5.5.1", "Wrong order of commands: %t" },
	[REPLY_UNKNOWN_PARAMETER] = { "unknown_parameter", 555, "5.5.4",
	                              "Parameter not recognised; the correct form is: %t" },

	[REPLY_POP3_GREETING] = { "pop3_greeting", 0, NULL, "+OK POP3 server ready" },
	[REPLY_POP3_GOODBYE] = { "pop3_goodbye", 0, NULL, "+OK goodbye" },
};
