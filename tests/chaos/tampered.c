/* Preloaded into a server or a worker: the system's clock is CHAOS_CLOCK_SECONDS ahead, and while the file
 * CHAOS_DISK_FULL exists, no regular file can grow (ENOSPC). What has its place on the disk can be written, as on a
 * disk that is really full. The monotonic clock, sockets, pipes and the log on stderr stay as they are. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define NEXT(name) \
    static __typeof__(&name) next; \
    if (!next) next = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

static char *full;
static long ahead;

__attribute__((constructor)) static void begin(void) {
    const char *seconds = getenv("CHAOS_CLOCK_SECONDS"), *path = getenv("CHAOS_DISK_FULL");
    full = path ? strdup(path) : NULL; /* PostgreSQL writes its title over its environment. */
    ahead = seconds ? atol(seconds) : 0;
}

static int no_room(int fd, off_t begins, off_t bytes) {
    struct stat file;
    if (!full || fd <= STDERR_FILENO || access(full, F_OK) || fstat(fd, &file) || !S_ISREG(file.st_mode)) return 0;
    if (begins < 0) begins = fcntl(fd, F_GETFL) & O_APPEND ? file.st_size : lseek(fd, 0, SEEK_CUR);
    if (begins + bytes <= file.st_size) return 0;
    errno = ENOSPC;
    return 1;
}

static off_t sum(const struct iovec *parts, int count) {
    off_t bytes = 0;
    while (count--) bytes += parts[count].iov_len;
    return bytes;
}

ssize_t write(int fd, const void *data, size_t n) {
    NEXT(write);
    return no_room(fd, -1, n) ? -1 : next(fd, data, n);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    NEXT(writev);
    return no_room(fd, -1, sum(parts, count)) ? -1 : next(fd, parts, count);
}

#define PWRITE(name) \
    ssize_t name(int fd, const void *data, size_t n, off_t at) { \
        NEXT(name); \
        return no_room(fd, at, n) ? -1 : next(fd, data, n, at); \
    }
PWRITE(pwrite)
PWRITE(pwrite64)

#define PWRITEV(name) \
    ssize_t name(int fd, const struct iovec *parts, int count, off_t at) { \
        NEXT(name); \
        return no_room(fd, at, sum(parts, count)) ? -1 : next(fd, parts, count, at); \
    }
PWRITEV(pwritev)
PWRITEV(pwritev64)

#define POSIX_FALLOCATE(name) \
    int name(int fd, off_t at, off_t n) { \
        NEXT(name); \
        return no_room(fd, at, n) ? ENOSPC : next(fd, at, n); \
    }
POSIX_FALLOCATE(posix_fallocate)
POSIX_FALLOCATE(posix_fallocate64)

#define FALLOCATE(name) \
    int name(int fd, int mode, off_t at, off_t n) { \
        NEXT(name); \
        return no_room(fd, at, n) ? -1 : next(fd, mode, at, n); \
    }
FALLOCATE(fallocate)
FALLOCATE(fallocate64)

int clock_gettime(clockid_t clock, struct timespec *now) {
    NEXT(clock_gettime);
    int failed = next(clock, now);
    if (!failed && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += ahead;
    return failed;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    NEXT(gettimeofday);
    int failed = next(now, zone);
    if (!failed) now->tv_sec += ahead;
    return failed;
}

time_t time(time_t *into) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (into) *into = now.tv_sec;
    return now.tv_sec;
}
