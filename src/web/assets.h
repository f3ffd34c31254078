/*
 * assets: the page's files, compiled in by scripts/embed-assets.sh from src/web/assets/.
 */
#ifndef POSTROOM_WEB_ASSETS_H
#define POSTROOM_WEB_ASSETS_H

#include <stddef.h>

struct asset {
	const char *name; /* "page.css"; NULL ends the list */
	const unsigned char *octets;
	size_t len;
};

extern const struct asset assets[];

#endif
