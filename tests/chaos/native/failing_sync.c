/* Preloaded into services and Postgres: fsync and fdatasync fail while the file named in ORDO_FAIL_SYNC exists. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static int fails(void) {
    int before = errno;
    const char *file = getenv("ORDO_FAIL_SYNC");
    int is = file && access(file, F_OK) == 0;
    errno = before;
    return is;
}

static int next(const char *name, int fd) {
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    if (!real || fails()) {
        errno = EIO;
        return -1;
    }
    return real(fd);
}

int fsync(int fd) { return next("fsync", fd); }
int fdatasync(int fd) { return next("fdatasync", fd); }
