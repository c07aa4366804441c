/* run LIBRARY MODEL INPUT OUTPUT: one inference by libtensorflowlite_jni.so through its C interface, with its XNNPACK
   delegate; OUTPUT gets the output tensors one after the other. For tests: the library that phones run, under an
   emulated processor. */
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>

/* a function of the library; everything that it takes and gives is an opaque pointer or a number */
#define BIND(result, name, ...) result (*name)(__VA_ARGS__) = (result(*)(__VA_ARGS__))dlsym(library, #name)

static int fail(const char *what) {
  fprintf(stderr, "%s\n", what);
  return 1;
}

int main(int count, char **arguments) {
  if (count != 5) return fail("usage: run LIBRARY MODEL INPUT OUTPUT");
  void *library = dlopen(arguments[1], RTLD_NOW);
  if (!library) return fail(dlerror());
  BIND(void *, TfLiteModelCreateFromFile, const char *);
  BIND(void *, TfLiteInterpreterOptionsCreate, void);
  BIND(void, TfLiteInterpreterOptionsAddDelegate, void *, void *);
  BIND(void *, TfLiteXNNPackDelegateCreate, const void *);
  BIND(void *, TfLiteInterpreterCreate, const void *, const void *);
  BIND(int, TfLiteInterpreterAllocateTensors, void *);
  BIND(int, TfLiteInterpreterInvoke, void *);
  BIND(void *, TfLiteInterpreterGetInputTensor, const void *, int32_t);
  BIND(int32_t, TfLiteInterpreterGetOutputTensorCount, const void *);
  BIND(const void *, TfLiteInterpreterGetOutputTensor, const void *, int32_t);
  BIND(size_t, TfLiteTensorByteSize, const void *);
  BIND(void *, TfLiteTensorData, const void *);
  void *model = TfLiteModelCreateFromFile(arguments[2]), *options = TfLiteInterpreterOptionsCreate();
  TfLiteInterpreterOptionsAddDelegate(options, TfLiteXNNPackDelegateCreate(NULL));
  void *interpreter = model ? TfLiteInterpreterCreate(model, options) : NULL;
  if (!interpreter || TfLiteInterpreterAllocateTensors(interpreter)) return fail("the model cannot be run");
  void *input = TfLiteInterpreterGetInputTensor(interpreter, 0);
  FILE *file = fopen(arguments[3], "rb");
  size_t size = TfLiteTensorByteSize(input);
  if (!file || fread(TfLiteTensorData(input), 1, size, file) != size) return fail("the input is of another size");
  fclose(file);
  if (TfLiteInterpreterInvoke(interpreter)) return fail("the model stopped");
  file = fopen(arguments[4], "wb");
  if (!file) return fail("the output cannot be written");
  for (int32_t i = 0; i < TfLiteInterpreterGetOutputTensorCount(interpreter); i++) {
    const void *output = TfLiteInterpreterGetOutputTensor(interpreter, i);
    size = TfLiteTensorByteSize(output);
    if (fwrite(TfLiteTensorData(output), 1, size, file) != size) return fail("the output cannot be written");
  }
  return fclose(file) ? fail("the output cannot be written") : 0;
}
