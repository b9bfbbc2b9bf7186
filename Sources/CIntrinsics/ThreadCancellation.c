#include "CIntrinsics.h"

static _Thread_local const void *current;
static _Thread_local _Bool (*check)(const void *context);

void frazil_set_thread_cancellation(const void *context, _Bool (*is_cancelled)(const void *context)) {
  current = context;
  check = is_cancelled;
}

_Bool frazil_thread_is_cancelled(void) { return check && check(current); }
