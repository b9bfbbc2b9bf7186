#ifndef FRAZIL_CINTRINSICS_H
#define FRAZIL_CINTRINSICS_H

/// Asks the processor to bring the cache line at `address` closer; no effect on results.
static inline __attribute__((always_inline)) void frazil_prefetch(const void *address) {
  __builtin_prefetch(address, 0, 3);
}

#endif
