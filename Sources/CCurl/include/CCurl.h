/*
 * libcurl behind typed functions, opened with dlopen on first use.
 *
 * Two reasons: Swift cannot call C functions with "..." (curl_easy_setopt), and a program linked with libcurl pays several milliseconds at
 * every start for a library that most statements never need. The numbers below are libcurl's ABI, which its project never changes
 * (curl.h, multi.h); no header of libcurl is needed to build.
 */
#ifndef FRAZIL_CCURL_H
#define FRAZIL_CCURL_H

#include <stddef.h>
#include <stdint.h>

enum CCurlOption {
  CCURL_OPTION_PORT = 3,
  CCURL_OPTION_TIMEOUT_MS = 155,
  CCURL_OPTION_CONNECT_TIMEOUT_MS = 156,
  CCURL_OPTION_LOW_SPEED_LIMIT = 19,
  CCURL_OPTION_LOW_SPEED_TIME = 20,
  CCURL_OPTION_NO_BODY = 44,
  CCURL_OPTION_UPLOAD = 46,
  CCURL_OPTION_FOLLOW_LOCATION = 52,
  CCURL_OPTION_FRESH_CONNECT = 74,
  CCURL_OPTION_HTTP_GET = 80,
  CCURL_OPTION_HTTP_VERSION = 84,
  CCURL_OPTION_NO_SIGNAL = 99,
  CCURL_OPTION_BUFFER_SIZE = 98,
  CCURL_OPTION_TCP_NODELAY = 121,
  CCURL_OPTION_PROTOCOLS = 181,
  CCURL_OPTION_TCP_KEEPALIVE = 213,
  CCURL_OPTION_PATH_AS_IS = 234,
  CCURL_OPTION_UPLOAD_BUFFER_SIZE = 280,
  CCURL_OPTION_PRIVATE = 10103,
  CCURL_OPTION_URL = 10002,
  CCURL_OPTION_ERROR_BUFFER = 10010,
  CCURL_OPTION_HEADERS = 10023,
  CCURL_OPTION_CUSTOM_REQUEST = 10036,
  CCURL_OPTION_CA_FILE = 10065,
  CCURL_OPTION_CA_FOLDER = 10097,
  CCURL_OPTION_NO_PROXY = 10177,
  CCURL_OPTION_BODY_SIZE = 30115
};

enum CCurlInfo {
  CCURL_INFO_STATUS = 0x200002,
  CCURL_INFO_REQUEST_SIZE = 0x20000C,
  CCURL_INFO_CONNECTION_COUNT = 0x20001A
};

enum CCurlMultiOption {
  CCURL_MULTI_MAX_CACHED_CONNECTIONS = 6,
  CCURL_MULTI_MAX_CONNECTIONS = 13
};

/* Codes of finished transfers that the Swift side tells apart (CURLE_*). */
enum CCurlCode {
  CCURL_OK = 0,
  CCURL_MALFORMED_URL = 3,
  CCURL_PROXY_NOT_RESOLVED = 5,
  CCURL_HOST_NOT_RESOLVED = 6,
  CCURL_NOT_CONNECTED = 7,
  CCURL_PARTIAL_FILE = 18,
  CCURL_WRITE_ERROR = 23,
  CCURL_OUT_OF_MEMORY = 27,
  CCURL_TIMED_OUT = 28,
  CCURL_TLS_HANDSHAKE = 35,
  CCURL_ABORTED = 42,
  CCURL_GOT_NOTHING = 52,
  CCURL_TLS_CERTIFICATE_PROBLEM = 58,
  CCURL_PEER_NOT_VERIFIED = 60,
  CCURL_CA_FILE_PROBLEM = 77
};

typedef size_t (*CCurlTransferCallback)(char *bytes, size_t size, size_t count, void *context);
/* 0 done, 1 failed. */
typedef int (*CCurlSeekCallback)(void *context, int64_t offset, int origin);

/* Called before a request goes out on a connection, again when libcurl repeats it on another one; 0 to go on, 1 to give up. */
typedef int (*CCurlStartCallback)(void *context, char *peer, char *own, int peer_port, int own_port);

/* What a reading callback returns to give up. */
#define CCURL_READ_ABORT 0x10000000

/* Opens libcurl once; NULL when it is there, else why not. Safe from several threads. */
const char *ccurl_open(void);
/* The version of the opened library, such as "7.88.1"; "" before. */
const char *ccurl_version(void);

void *ccurl_easy_init(void);
void ccurl_easy_cleanup(void *easy);
void ccurl_easy_reset(void *easy);
int ccurl_set_long(void *easy, int option, long value);
int ccurl_set_size(void *easy, int option, int64_t value);
int ccurl_set_text(void *easy, int option, const char *value);
int ccurl_set_pointer(void *easy, int option, void *value);
/* Callbacks for response body, response header lines and request body; `context` goes to each of them. */
int ccurl_set_callbacks(
    void *easy, CCurlTransferCallback body, CCurlTransferCallback header, CCurlTransferCallback read, CCurlSeekCallback seek, void *context);
/* Fails for libcurl before 7.80. */
int ccurl_set_start_callback(void *easy, CCurlStartCallback start, void *context);
int64_t ccurl_get_long(void *easy, int info);
void *ccurl_get_private(void *easy);
const char *ccurl_code_text(int code);

/* A list of header lines: returns the new head, or NULL when memory is short (the old list is then still there). */
void *ccurl_list_append(void *list, const char *line);
void ccurl_list_free(void *list);

void *ccurl_multi_init(void);
int ccurl_multi_cleanup(void *multi);
int ccurl_multi_set_long(void *multi, int option, long value);
int ccurl_multi_add(void *multi, void *easy);
int ccurl_multi_remove(void *multi, void *easy);
int ccurl_multi_perform(void *multi, int *running);
/* Waits for sockets, a wake-up or the time. */
int ccurl_multi_poll(void *multi, int milliseconds);
int ccurl_multi_wakeup(void *multi);
/* The next finished transfer and its code; NULL when there is none. */
void *ccurl_multi_finished(void *multi, int *code);
const char *ccurl_multi_code_text(int code);

#endif
