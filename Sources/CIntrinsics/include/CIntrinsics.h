#ifndef FRAZIL_CINTRINSICS_H
#define FRAZIL_CINTRINSICS_H

#include <stddef.h>
#include <stdint.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/// Asks the processor to bring the cache line at `address` closer; no effect on results.
static inline __attribute__((always_inline)) void frazil_prefetch(const void *address) {
  __builtin_prefetch(address, 0, 3);
}

/// Bit i of the result says whether bytes[i] equals `byte`, for 64 bytes at any address.
static inline __attribute__((always_inline)) uint64_t frazil_match64(const void *bytes, uint8_t byte) {
#if defined(__SSE2__)
  const __m128i *parts = (const __m128i *)bytes;
  const __m128i wanted = _mm_set1_epi8((char)byte);
  uint64_t mask = 0;
  for (int part = 0; part < 4; part++) {
    __m128i equal = _mm_cmpeq_epi8(_mm_loadu_si128(parts + part), wanted);
    mask |= (uint64_t)(uint32_t)_mm_movemask_epi8(equal) << (16 * part);
  }
  return mask;
#else
  const uint8_t *values = (const uint8_t *)bytes;
  uint64_t mask = 0;
  for (int index = 0; index < 64; index++) mask |= (uint64_t)(values[index] == byte) << index;
  return mask;
#endif
}

/// Makes an anonymous mapping larger, elsewhere if need be; sizes in bytes. Null when the system cannot: the mapping is as it was.
void *frazil_grow_mapping(void *base, size_t old_size, size_t new_size);

/// Takes `count` blocks of 64 bytes into a SHA-256 state of 8 words (FIPS 180-4, 6.2.2); `constants` are its 64 round constants.
void frazil_sha256(uint32_t *state, const void *blocks, size_t count, const uint32_t *constants);

/// Says whom this thread works for: `is_cancelled(context)` tells whether that has been cancelled. Null for nobody. `context` must outlive it.
///
/// A thread's own storage, because who waits for the network (Storage) and who knows the statement (Execution) do not know each other.
void frazil_set_thread_cancellation(const void *context, _Bool (*is_cancelled)(const void *context));

/// Whether what this thread works for has been cancelled.
_Bool frazil_thread_is_cancelled(void);

#endif
