/*
 * checksum: whether what is read from one of the store's own files is what was written. It finds torn and half-written data, and parts of one record amid those
 * of another; it is no defence against somebody who forges it.
 */
#ifndef POSTROOM_STORE_CHECKSUM_H
#define POSTROOM_STORE_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

uint64_t checksum(const void *data, size_t n);

#endif
