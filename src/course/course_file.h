/*
 * course_file: a course file's text (libconfuse's syntax) read into a course. Knows the keys, their defaults and limits; opens nothing.
 * libconfuse is not thread-safe, and so neither is this.
 */
#ifndef POSTROOM_COURSE_COURSE_FILE_H
#define POSTROOM_COURSE_COURSE_FILE_H

#include "course/course.h"

/* `file` is the name that errors begin with, "FILE:LINE: ". NULL: why says what is wrong and what was expected (FAULT_PERMANENT). */
struct course *course_file_parse(const char *name, const char *file, const char *text, struct fault *why);

#endif
