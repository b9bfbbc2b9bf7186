#if defined(__linux__)
#define _GNU_SOURCE
#include <sys/mman.h>
#endif
#include "CIntrinsics.h"

void *frazil_grow_mapping(void *base, size_t old_size, size_t new_size) {
#if defined(__linux__)
  void *moved = mremap(base, old_size, new_size, MREMAP_MAYMOVE);
  return moved == MAP_FAILED ? NULL : moved;
#else
  (void)base, (void)old_size, (void)new_size;
  return NULL;
#endif
}
