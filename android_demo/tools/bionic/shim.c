/* What libtensorflowlite_jni.so (64-bit, built for Android) wants of its C library and glibc lacks or does otherwise.
   For tests on a workstation; never packed. Names with a capital letter are those that patch.py renamed, because
   their binary interface differs between the two libraries. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LIBRARY "libtensorflowlite_jni.so"

int *__errno(void) { return __errno_location(); }

/* Android's stdin, stdout and stderr lie in one array of structures of 152 bytes */
char __sF[3 * 152];

static FILE *stream(FILE *file) {
  char *place = (char *)file;
  return place == __sF ? stdin : place == __sF + 152 ? stdout : place == __sF + 304 ? stderr : file;
}

int Vfprintf(FILE *file, const char *format, va_list arguments) { return vfprintf(stream(file), format, arguments); }

int Fprintf(FILE *file, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  int written = Vfprintf(file, format, arguments);
  va_end(arguments);
  return written;
}

int Fputc(int c, FILE *file) { return fputc(c, stream(file)); }
size_t Fwrite(const void *data, size_t size, size_t count, FILE *file) { return fwrite(data, size, count, stream(file)); }
int Fflush(FILE *file) { return fflush(file ? stream(file) : NULL); }
int Fileno(FILE *file) { return fileno(stream(file)); }

/* the numbers of bionic's <bits/sysconf.h> */
long Sysconf(int name) {
  switch (name) {
    case 0x27: case 0x28: return sysconf(_SC_PAGESIZE);
    case 0x60: return sysconf(_SC_NPROCESSORS_CONF);
    case 0x61: return sysconf(_SC_NPROCESSORS_ONLN);
    case 0x62: return sysconf(_SC_PHYS_PAGES);
    case 0x63: return sysconf(_SC_AVPHYS_PAGES);
  }
  errno = EINVAL;
  return -1;
}

/* XNNPACK's kernels for AVX-512 load their parameters as if all memory began at multiples of 64 bytes */
void *Memalign(size_t alignment, size_t size) { return memalign(alignment < 64 ? 64 : alignment, size); }
void *Malloc(size_t size) { return Memalign(64, size); }
void *Calloc(size_t count, size_t size) {
  void *memory = size && count > (size_t)-1 / size ? NULL : Malloc(count * size);
  return memory ? memset(memory, 0, count * size) : NULL;
}

size_t __strlen_chk(const char *text, size_t size) {
  size_t length = strlen(text);
  if (length >= size) abort();
  return length;
}

int __system_property_get(const char *name, char *value) {
  (void)name;
  *value = 0;
  return 0;
}

void android_set_abort_message(const char *message) { fprintf(stderr, "abort: %s\n", message); }

int __android_log_vprint(int priority, const char *tag, const char *format, va_list arguments) {
  fprintf(stderr, "%d/%s: ", priority, tag);
  int written = vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
  return written;
}

static void *own_symbol(const char *name) {
  void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_NOLOAD), *found = library ? dlsym(library, name) : NULL;
  if (library) dlclose(library);
  return found;
}

/* RTLD_DEFAULT finds the caller's own symbols on Android, and only global ones here */
void *Dlsym(void *handle, const char *name) {
  void *found = dlsym(handle, name);
  return found || handle ? found : own_symbol(name);
}

/* org.poseport.demo.core.Xnnpack.create: the library's XNNPACK delegate, which its Java classes do not hand out */
long Java_org_poseport_demo_core_Xnnpack_create(void *environment, void *class) {
  (void)environment;
  (void)class;
  void *(*create)(const void *) = (void *(*)(const void *))own_symbol("TfLiteXNNPackDelegateCreate");
  return create ? (long)create(NULL) : 0;
}
