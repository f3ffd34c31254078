/*
 * date: see date.h. Written out, as strptime() goes by the locale and knows nothing of zones.
 */
#include "mail/date.h"

static bool month_of(struct slice word, int *month)
{
	static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	for (int m = 0; m < 12; m++) {
		if (slice_equal_nocase(word, slice_make(names + 3 * m, 3))) {
			*month = m;
			return true;
		}
	}
	return false;
}

static bool number_of(struct slice digits, uint64_t max, int *number)
{
	uint64_t value;
	if (!slice_number(digits, max, &value))
		return false;
	*number = (int)value;
	return true;
}

static struct slice cut(struct slice *rest, char mark)
{
	size_t at = slice_find(*rest, mark);
	struct slice front = slice_make(rest->ptr, at);
	*rest = slice_skip(*rest, at + 1);
	return front;
}

/* 12:44 or 12:44:05 */
static bool read_time(struct slice word, struct tm *tm)
{
	struct slice hour = cut(&word, ':');
	struct slice minute = cut(&word, ':');
	return number_of(hour, 23, &tm->tm_hour) && number_of(minute, 59, &tm->tm_min) &&
	       (slice_empty(word) || number_of(word, 60, &tm->tm_sec));
}

/* Two and three digits: RFC 5322 section 4.3. */
static bool read_year(struct slice word, struct tm *tm)
{
	int year;
	if (word.len < 2 || word.len > 4 || !number_of(word, 9999, &year))
		return false;
	if (word.len == 2 && year < 50)
		year += 2000;
	else if (word.len < 4)
		year += 1900;
	tm->tm_year = year - 1900;
	return true;
}

static int minutes_east(struct slice zone)
{
	static const struct {
		const char *name;
		int hours;
	} names[] = { { "EDT", -4 }, { "EST", -5 }, { "CDT", -5 }, { "CST", -6 },
		      { "MDT", -6 }, { "MST", -7 }, { "PDT", -7 }, { "PST", -8 } };
	int number;
	if (zone.len == 5 && (zone.ptr[0] == '+' || zone.ptr[0] == '-') &&
	    number_of(slice_skip(zone, 1), 9999, &number)) {
		int minutes = number / 100 * 60 + number % 100;
		return zone.ptr[0] == '-' ? -minutes : minutes;
	}
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		if (slice_equal_text_nocase(zone, names[i].name))
			return names[i].hours * 60;
	}
	return 0; /* UT, GMT, Z and whatever nobody knows */
}

bool date_parse(struct slice text, time_t *when)
{
	struct tm tm = { 0 };
	if (slice_has(text, ','))
		cut(&text, ','); /* the day's name */
	struct slice day = slice_word(&text);
	struct slice month = slice_word(&text);
	struct slice year = slice_word(&text);
	struct slice time = slice_word(&text);
	if (!number_of(day, 31, &tm.tm_mday) || tm.tm_mday == 0 || !month_of(month, &tm.tm_mon) ||
	    !read_year(year, &tm) || !read_time(time, &tm))
		return false;
	*when = timegm(&tm) - minutes_east(slice_word(&text)) * 60;
	return true;
}
