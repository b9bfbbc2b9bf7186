#include "CSQLite.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static struct {
  int (*open_v2)(const char *, void **, int, const char *);
  int (*close_v2)(void *);
  const char *(*errmsg)(void *);
  int (*busy_timeout)(void *, int);
  int (*prepare_v2)(void *, const char *, int, void **, const char **);
  int (*bind_text)(void *, int, const char *, int, void (*)(void *));
  int (*bind_null)(void *, int);
  int (*step)(void *);
  int (*column_count)(void *);
  const unsigned char *(*column_text)(void *, int);
  int (*finalize)(void *);
  int (*changes)(void *);
} sqlite;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static char problem[256];

/* SQLITE_OPEN_READWRITE, _CREATE and _FULLMUTEX; SQLITE_TRANSIENT copies what is bound. */
enum { OPEN_READWRITE = 2, OPEN_CREATE = 4, OPEN_FULLMUTEX = 0x10000 };
#define TRANSIENT ((void (*)(void *))(intptr_t)-1)

static int load(void *library, const char *name, void *function) {
  void *found = dlsym(library, name);
  if (!found) {
    snprintf(problem, sizeof problem, "SQLite is too old: it lacks %s", name);
    return 0;
  }
  *(void **)function = found;
  return 1;
}

static void open_library(void) {
  static const char *const names[] = {
#ifdef __APPLE__
      "/usr/lib/libsqlite3.dylib",
#endif
      "libsqlite3.so.0", "libsqlite3.so"};
  void *library = NULL;
  for (size_t i = 0; i < sizeof names / sizeof *names && !library; i++) library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    snprintf(problem, sizeof problem, "SQLite is needed for this catalog and cannot be opened; install it (Debian: apt-get install libsqlite3-0)");
    return;
  }
  (void)(load(library, "sqlite3_open_v2", &sqlite.open_v2) && load(library, "sqlite3_close_v2", &sqlite.close_v2) &&
         load(library, "sqlite3_errmsg", &sqlite.errmsg) && load(library, "sqlite3_busy_timeout", &sqlite.busy_timeout) &&
         load(library, "sqlite3_prepare_v2", &sqlite.prepare_v2) && load(library, "sqlite3_bind_text", &sqlite.bind_text) &&
         load(library, "sqlite3_bind_null", &sqlite.bind_null) && load(library, "sqlite3_step", &sqlite.step) &&
         load(library, "sqlite3_column_count", &sqlite.column_count) && load(library, "sqlite3_column_text", &sqlite.column_text) && load(library, "sqlite3_finalize", &sqlite.finalize) &&
         load(library, "sqlite3_changes", &sqlite.changes));
}

const char *csqlite_problem(void) {
  pthread_once(&once, open_library);
  return problem[0] ? problem : NULL;
}

int csqlite_open(const char *path, int creates, void **handle) {
  return sqlite.open_v2(path, handle, OPEN_READWRITE | OPEN_FULLMUTEX | (creates ? OPEN_CREATE : 0), NULL);
}

void csqlite_close(void *handle) { sqlite.close_v2(handle); }
const char *csqlite_message(void *handle) { return sqlite.errmsg(handle); }
int csqlite_busy_timeout(void *handle, int milliseconds) { return sqlite.busy_timeout(handle, milliseconds); }
int csqlite_prepare(void *handle, const char *sql, void **statement) { return sqlite.prepare_v2(handle, sql, -1, statement, NULL); }

int csqlite_bind(void *statement, int index, const char *text) {
  return text ? sqlite.bind_text(statement, index, text, -1, TRANSIENT) : sqlite.bind_null(statement, index);
}

int csqlite_step(void *statement) { return sqlite.step(statement); }
int csqlite_column_count(void *statement) { return sqlite.column_count(statement); }
const char *csqlite_text(void *statement, int index) { return (const char *)sqlite.column_text(statement, index); }
void csqlite_finalize(void *statement) { sqlite.finalize(statement); }
int csqlite_changes(void *handle) { return sqlite.changes(handle); }
