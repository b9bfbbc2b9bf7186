#include "CCurl.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

/* CURLMsg of multi.h. */
typedef struct {
  int message;
  void *easy;
  union {
    void *whatever;
    int result;
  } data;
} Message;

/* The first fields of curl_version_info_data of curl.h. */
typedef struct {
  int age;
  const char *version;
  unsigned int version_number;
} VersionInformation;

static struct {
  int (*global_init)(long);
  VersionInformation *(*version_info)(int);
  void *(*easy_init)(void);
  void (*easy_cleanup)(void *);
  void (*easy_reset)(void *);
  int (*easy_setopt)(void *, int, ...);
  int (*easy_getinfo)(void *, int, ...);
  const char *(*easy_strerror)(int);
  void *(*slist_append)(void *, const char *);
  void (*slist_free_all)(void *);
  void *(*multi_init)(void);
  int (*multi_cleanup)(void *);
  int (*multi_setopt)(void *, int, ...);
  int (*multi_add_handle)(void *, void *);
  int (*multi_remove_handle)(void *, void *);
  int (*multi_perform)(void *, int *);
  int (*multi_poll)(void *, void *, unsigned int, int, int *);
  int (*multi_wakeup)(void *);
  Message *(*multi_info_read)(void *, int *);
  const char *(*multi_strerror)(int);
} curl;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static char problem[256];
static int is_open;
static const char *version = "";

static int load(void *library, const char *name, void *function) {
  void *found = dlsym(library, name);
  if (!found) {
    snprintf(problem, sizeof problem, "libcurl is too old: it lacks %s (7.68 or newer is needed)", name);
    return 0;
  }
  *(void **)function = found;
  return 1;
}

static void open_library(void) {
  static const char *const names[] = {
#ifdef __APPLE__
      "/usr/lib/libcurl.4.dylib", "libcurl.4.dylib",
#endif
      "libcurl.so.4", "libcurl-gnutls.so.4"};
  void *library = NULL;
  const char *forced = getenv("FRAZIL_LIBCURL");
  if (forced && *forced) {
    library = dlopen(forced, RTLD_NOW | RTLD_LOCAL);
  } else {
    for (size_t i = 0; i < sizeof names / sizeof *names && !library; i++) library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
  }
  if (!library) {
    const char *reason = dlerror();
    snprintf(
        problem, sizeof problem, "libcurl is needed for network access and cannot be opened (%s); install it (Debian: apt-get install libcurl4)",
        reason ? reason : "not found");
    return;
  }
  /* OpenSSL cleans up at exit while the transfer thread may still use it; its memory goes with the process anyway. */
  int (*openssl_init)(uint64_t, const void *) = NULL;
  *(void **)&openssl_init = dlsym(library, "OPENSSL_init_crypto");
  if (openssl_init) openssl_init(0x00080000 /* OPENSSL_INIT_NO_ATEXIT */, NULL);

  if (!load(library, "curl_global_init", &curl.global_init) || !load(library, "curl_version_info", &curl.version_info) ||
      !load(library, "curl_easy_init", &curl.easy_init) || !load(library, "curl_easy_cleanup", &curl.easy_cleanup) ||
      !load(library, "curl_easy_reset", &curl.easy_reset) || !load(library, "curl_easy_setopt", &curl.easy_setopt) ||
      !load(library, "curl_easy_getinfo", &curl.easy_getinfo) || !load(library, "curl_easy_strerror", &curl.easy_strerror) ||
      !load(library, "curl_slist_append", &curl.slist_append) || !load(library, "curl_slist_free_all", &curl.slist_free_all) ||
      !load(library, "curl_multi_init", &curl.multi_init) || !load(library, "curl_multi_cleanup", &curl.multi_cleanup) ||
      !load(library, "curl_multi_setopt", &curl.multi_setopt) || !load(library, "curl_multi_add_handle", &curl.multi_add_handle) ||
      !load(library, "curl_multi_remove_handle", &curl.multi_remove_handle) ||
      !load(library, "curl_multi_perform", &curl.multi_perform) || !load(library, "curl_multi_poll", &curl.multi_poll) ||
      !load(library, "curl_multi_wakeup", &curl.multi_wakeup) || !load(library, "curl_multi_info_read", &curl.multi_info_read) ||
      !load(library, "curl_multi_strerror", &curl.multi_strerror))
    return;
  int code = curl.global_init(3 /* CURL_GLOBAL_ALL */);
  if (code != 0) {
    snprintf(problem, sizeof problem, "libcurl cannot be initialised: %s", curl.easy_strerror(code));
    return;
  }
  VersionInformation *information = curl.version_info(0);
  if (information && information->version) version = information->version;
  is_open = 1;
}

const char *ccurl_open(void) {
  pthread_once(&once, open_library);
  return is_open ? NULL : problem;
}

const char *ccurl_version(void) { return version; }

void *ccurl_easy_init(void) { return curl.easy_init(); }
void ccurl_easy_cleanup(void *easy) { curl.easy_cleanup(easy); }
void ccurl_easy_reset(void *easy) { curl.easy_reset(easy); }
int ccurl_set_long(void *easy, int option, long value) { return curl.easy_setopt(easy, option, value); }
int ccurl_set_size(void *easy, int option, int64_t value) { return curl.easy_setopt(easy, option, value); }
int ccurl_set_text(void *easy, int option, const char *value) { return curl.easy_setopt(easy, option, value); }
int ccurl_set_pointer(void *easy, int option, void *value) { return curl.easy_setopt(easy, option, value); }

int ccurl_set_callbacks(
    void *easy, CCurlTransferCallback body, CCurlTransferCallback header, CCurlTransferCallback read, CCurlSeekCallback seek, void *context) {
  int code = 0;
  if (!code) code = curl.easy_setopt(easy, 20011 /* WRITEFUNCTION */, body);
  if (!code) code = curl.easy_setopt(easy, 10001 /* WRITEDATA */, context);
  if (!code) code = curl.easy_setopt(easy, 20079 /* HEADERFUNCTION */, header);
  if (!code) code = curl.easy_setopt(easy, 10029 /* HEADERDATA */, context);
  if (!code) code = curl.easy_setopt(easy, 20012 /* READFUNCTION */, read);
  if (!code) code = curl.easy_setopt(easy, 10009 /* READDATA */, context);
  if (!code) code = curl.easy_setopt(easy, 20167 /* SEEKFUNCTION */, seek);
  if (!code) code = curl.easy_setopt(easy, 10168 /* SEEKDATA */, context);
  return code;
}

int ccurl_set_start_callback(void *easy, CCurlStartCallback start, void *context) {
  int code = curl.easy_setopt(easy, 20312 /* PREREQFUNCTION */, start);
  return code ? code : curl.easy_setopt(easy, 10313 /* PREREQDATA */, context);
}

int64_t ccurl_get_long(void *easy, int info) {
  long value = 0;
  return curl.easy_getinfo(easy, info, &value) == 0 ? value : 0;
}

void *ccurl_get_private(void *easy) {
  void *value = NULL;
  return curl.easy_getinfo(easy, 0x100015 /* CURLINFO_PRIVATE */, &value) == 0 ? value : NULL;
}

const char *ccurl_code_text(int code) { return curl.easy_strerror(code); }

void *ccurl_list_append(void *list, const char *line) { return curl.slist_append(list, line); }
void ccurl_list_free(void *list) { curl.slist_free_all(list); }

void *ccurl_multi_init(void) { return curl.multi_init(); }
int ccurl_multi_cleanup(void *multi) { return curl.multi_cleanup(multi); }
int ccurl_multi_set_long(void *multi, int option, long value) { return curl.multi_setopt(multi, option, value); }
int ccurl_multi_add(void *multi, void *easy) { return curl.multi_add_handle(multi, easy); }
int ccurl_multi_remove(void *multi, void *easy) { return curl.multi_remove_handle(multi, easy); }
int ccurl_multi_perform(void *multi, int *running) { return curl.multi_perform(multi, running); }
int ccurl_multi_poll(void *multi, int milliseconds) {
  int ready = 0;
  return curl.multi_poll(multi, NULL, 0, milliseconds, &ready);
}
int ccurl_multi_wakeup(void *multi) { return curl.multi_wakeup(multi); }

void *ccurl_multi_finished(void *multi, int *code) {
  int left = 0;
  Message *message;
  while ((message = curl.multi_info_read(multi, &left))) {
    if (message->message == 1 /* CURLMSG_DONE */) {
      *code = message->data.result;
      return message->easy;
    }
  }
  return NULL;
}

const char *ccurl_multi_code_text(int code) { return curl.multi_strerror(code); }
