/*
 * embedded: the course files as they were when the programs were built. scripts/embed-courses.sh writes the arrays, from the files'
 * names and contents; nothing else knows which courses there are.
 */
#ifndef POSTROOM_COURSE_EMBEDDED_H
#define POSTROOM_COURSE_EMBEDDED_H

struct embedded_course {
	const char *name; /* "kharagpur" of courses/kharagpur.conf */
	const char *text;
};

/* Both end with a NULL name, and have the same order. */
extern const struct embedded_course embedded_courses[];
extern const char *const embedded_course_names[];

#endif
