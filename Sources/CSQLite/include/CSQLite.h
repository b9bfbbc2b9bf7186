/*
 * SQLite behind a few functions, opened with dlopen on first use: only catalogs kept in an SQLite file need it. The numbers below are
 * SQLite's ABI, which its project never changes (sqlite3.h); no header of SQLite is needed to build.
 */
#ifndef FRAZIL_CSQLITE_H
#define FRAZIL_CSQLITE_H

enum CSQLiteCode { CSQLITE_OK = 0, CSQLITE_BUSY = 5, CSQLITE_LOCKED = 6, CSQLITE_CONSTRAINT = 19, CSQLITE_ROW = 100, CSQLITE_DONE = 101 };

/* Nil when the library can be used, else a sentence that says why not. */
const char *csqlite_problem(void);
/* Opens a file for reading and writing; makes it when `creates` is not 0. The handle must be closed also after an error, unless it is nil. */
int csqlite_open(const char *path, int creates, void **handle);
void csqlite_close(void *handle);
const char *csqlite_message(void *handle);
int csqlite_busy_timeout(void *handle, int milliseconds);
int csqlite_prepare(void *handle, const char *sql, void **statement);
/* Binds a copy of a text to parameter `index`, counted from 1; nil is NULL. */
int csqlite_bind(void *statement, int index, const char *text);
int csqlite_step(void *statement);
int csqlite_column_count(void *statement);
/* Column `index`, counted from 0, as text that lives until the next step; nil for NULL. */
const char *csqlite_text(void *statement, int index);
void csqlite_finalize(void *statement);
/* Rows that the last statement changed. */
int csqlite_changes(void *handle);

#endif
