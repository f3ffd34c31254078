/*
 * memory_store_test: the store's promises on the memory store.
 */
#include "store/store_suite.h"

static struct store *make(void)
{
	struct fault why;
	return memory_store_new(&why);
}

int main(void)
{
	const struct store_suite_maker maker = { .make = make };
	return store_suite_run("memory_store", &maker);
}
