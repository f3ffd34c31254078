/*
 * people: commas, names and brackets. See people.h.
 */
#include "client/people.h"

#include "mail/address.h"
#include "mail/utf8.h"

/* The place of the sign outside quotes, or s.len. */
static size_t find_unquoted(struct slice s, char sign)
{
	bool within = false;

	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] == '\\' && within)
			i++;
		else if (s.ptr[i] == '"')
			within = !within;
		else if (s.ptr[i] == sign && !within)
			return i;
	}
	return s.len;
}

static struct slice without_quotes(struct slice name)
{
	if (name.len >= 2 && name.ptr[0] == '"' && name.ptr[name.len - 1] == '"')
		return slice_make(name.ptr + 1, name.len - 2);
	return name;
}

/* An address alone, with a domain and nothing behind it. */
static bool is_address(struct slice s)
{
	struct address parsed;

	return s.len > 0 && s.ptr[0] != '@' && address_parse_path(&s, &parsed) && s.len == 0 && parsed.local_len > 0 &&
	       parsed.domain[0] != '\0';
}

static bool read_person(struct slice typed, struct person *person, struct fault *why)
{
	struct slice whole = typed;
	size_t bracket = find_unquoted(typed, '<');

	*person = (struct person){ .address = typed };
	if (bracket < typed.len && typed.ptr[typed.len - 1] == '>') {
		person->name = without_quotes(slice_trim(slice_make(typed.ptr, bracket)));
		person->address = slice_make(typed.ptr + bracket + 1, typed.len - bracket - 2);
	}
	if (!utf8_valid(person->name))
		return fault_set(why, FAULT_PERMANENT, "the name before an address is not UTF-8");
	if (!slice_is_ascii(person->address))
		return fault_set(why, FAULT_PERMANENT, "an address is written in ASCII: %.*s",
		                 (int)(whole.len < 100 ? whole.len : 100), whole.ptr);
	if (!is_address(person->address))
		return fault_set(why, FAULT_PERMANENT, "no address of the form X@Y: %.*s",
		                 (int)(whole.len < 100 ? whole.len : 100), whole.ptr);
	return true;
}

bool people_add(struct people *p, struct slice typed, struct fault *why)
{
	if (utf8_has_control(typed) || slice_has(typed, '\t'))
		return fault_set(why, FAULT_PERMANENT, "an address must hold no line end or other control character");
	for (;;) {
		size_t n = find_unquoted(typed, ',');
		if (p->count == PEOPLE_MAX)
			return fault_set(why, FAULT_PERMANENT, "more than %d addresses", PEOPLE_MAX);
		if (!read_person(slice_trim(slice_make(typed.ptr, n)), &p->list[p->count], why))
			return false;
		p->count++;
		if (n == typed.len)
			return true;
		typed = slice_skip(typed, n + 1);
	}
}
