/*
 * measure: counting wire octets of stored text. See measure.h.
 */
#include "store/measure.h"

void measure_init(struct measure *m)
{
	*m = (struct measure){ 0 };
}

static void add_part(struct measure *m, const char *part, size_t n)
{
	if (n == 0)
		return;
	if (m->column == 0) {
		m->dot = part[0] == '.';
		m->doubled = m->dot && n > 1 && part[1] == '.';
	} else if (m->column == 1) {
		m->doubled = m->dot && part[0] == '.';
	}
	m->column += n;
	m->cr = part[n - 1] == '\r';
}

static void end_line(struct measure *m)
{
	m->octets += m->column - (m->cr ? 1 : 0) - (m->doubled ? 1 : 0) + 2;
	*m = (struct measure){ .octets = m->octets };
}

void measure_line(struct measure *m, const char *text, size_t n)
{
	add_part(m, text, n);
	end_line(m);
}

void measure_push(struct measure *m, const char *text, size_t n)
{
	while (n > 0) {
		const char *end = memchr(text, '\n', n);
		size_t part = end ? (size_t)(end - text) : n;
		if (!end) {
			add_part(m, text, part);
			return;
		}
		measure_line(m, text, part);
		text += part + 1;
		n -= part + 1;
	}
}
