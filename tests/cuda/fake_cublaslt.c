/* A stand-in for cuBLASLt, on host memory: columns first, every argument looked at. What it is to do wrong comes
   from the environment. Its calls of cublasLtMatmul are counted. */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  int compute, scale, transposed_a, transposed_b;
} Desc;
typedef struct {
  int type;
  uint64_t rows, cols;
  int64_t ld;
} Layout;
typedef struct {
  size_t workspace;
  uint32_t alignments[4]; /* of a, b, c and d */
} Preference;
typedef struct {
  uint64_t algorithm[8];
  size_t workspace;
  int state;
  float waves;
  int reserved[4];
} Heuristic;

enum { INVALID = 7, FAILED = 13, NOT_SUPPORTED = 15 };

int fake_calls = 0;
static int told(const char* what) {
  const char* mode = getenv("FAKE_CUBLASLT");
  return mode != NULL && strcmp(mode, what) == 0;
}
static float bf16(float x) {
  uint32_t bits;
  memcpy(&bits, &x, 4);
  bits = (bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000u;
  memcpy(&x, &bits, 4);
  return x;
}

size_t cublasLtGetVersion(void) { return FAKE_VERSION; }
const char* cublasLtGetStatusString(int status) { return status == FAILED ? "EXECUTION_FAILED" : "OTHER"; }
int cublasLtCreate(void** handle) {
  *handle = &fake_calls;
  return told("no handle") ? 1 : 0;
}
int cublasLtMatmulDescCreate(void** desc, int compute, int scale) {
  Desc* made = calloc(1, sizeof(Desc));
  made->compute = compute;
  made->scale = scale;
  *desc = made;
  return 0;
}
int cublasLtMatmulDescDestroy(void* desc) {
  free(desc);
  return 0;
}
int cublasLtMatmulDescSetAttribute(void* object, int attribute, const void* value, size_t size) {
  Desc* desc = object;
  if (size != sizeof(int32_t) || (attribute != 3 && attribute != 4)) return INVALID;
  memcpy(attribute == 3 ? &desc->transposed_a : &desc->transposed_b, value, size);
  return 0;
}
int cublasLtMatrixLayoutCreate(void** layout, int type, uint64_t rows, uint64_t cols, int64_t ld) {
  Layout* made = malloc(sizeof(Layout));
  *made = (Layout){type, rows, cols, ld};
  *layout = made;
  return (type == 0 || type == 14) && ld >= (int64_t)rows ? 0 : INVALID;
}
int cublasLtMatrixLayoutDestroy(void* layout) {
  free(layout);
  return 0;
}
int cublasLtMatmulPreferenceCreate(void** preference) {
  Preference* made = malloc(sizeof(Preference));
  *made = (Preference){0, {256, 256, 256, 256}};
  *preference = made;
  return 0;
}
int cublasLtMatmulPreferenceDestroy(void* preference) {
  free(preference);
  return 0;
}
#ifndef FAKE_WITHOUT_PREFERENCES
int cublasLtMatmulPreferenceSetAttribute(void* object, int attribute, const void* value, size_t size) {
  Preference* preference = object;
  const int alignment = attribute >= 5 && attribute <= 8;
  if ((attribute != 1 && !alignment) || size != (alignment ? sizeof(uint32_t) : sizeof(size_t))) return INVALID;
  memcpy(alignment ? (void*)&preference->alignments[attribute - 5] : &preference->workspace, value, size);
  return 0;
}
#endif
int cublasLtMatmulAlgoGetHeuristic(void* handle, void* desc, void* a, void* b, void* c, void* d, void* object,
                                   int wanted, Heuristic* found, int* count) {
  const Preference* preference = object;
  if (handle != &fake_calls || !desc || !a || !b || c != d || wanted < 1) return INVALID;
  if (told("supports nothing")) return NOT_SUPPORTED;
  *count = told("finds nothing") ? 0 : 1;
  found->algorithm[0] = 42;
  for (int i = 0; i < 4; ++i) found->algorithm[1 + i] = preference->alignments[i];
  found->workspace = preference->workspace / 2;
  found->state = 0;
  return 0;
}
/* Element (i, j) of the operand as the product sees it. */
static double at(const void* x, const Layout* layout, int transposed, uint64_t i, uint64_t j, int narrow) {
  const uint64_t place = transposed ? j + i * layout->ld : i + j * layout->ld;
  if (layout->type == 14) {
    const uint32_t bits = (uint32_t)((const uint16_t*)x)[place] << 16;
    float value;
    memcpy(&value, &bits, 4);
    return value;
  }
  return narrow ? bf16(((const float*)x)[place]) : ((const float*)x)[place];
}
/* Whether what the algorithm was chosen for holds. */
static int aligned(const uint64_t* algorithm, const void* a, const void* b, const void* c, const void* d) {
  const void* const all[] = {a, b, c, d};
  for (int i = 0; i < 4; ++i)
    if ((uintptr_t)all[i] % algorithm[1 + i] != 0) return 0;
  return 1;
}
int cublasLtMatmul(void* handle, void* object, const float* alpha, const void* a, void* of_a, const void* b,
                   void* of_b, const float* beta, const float* c, void* of_c, float* d, void* of_d,
                   const uint64_t* algorithm, char* workspace, size_t bytes, void* stream) {
  const Desc* desc = object;
  const Layout *la = of_a, *lb = of_b, *ld = of_d;
  ++fake_calls;
  if (told("fails")) return FAILED;
  const uint64_t terms = desc->transposed_a ? la->rows : la->cols;
  if (handle != &fake_calls || algorithm[0] != 42 || of_c != of_d || c != d || stream == NULL) return INVALID;
  if ((desc->transposed_a ? la->cols : la->rows) != ld->rows) return INVALID;
  if ((desc->transposed_b ? lb->rows : lb->cols) != ld->cols) return INVALID;
  if ((desc->transposed_b ? lb->cols : lb->rows) != terms) return INVALID;
  if (*alpha != 1.0f || *beta != 0.0f || !aligned(algorithm, a, b, c, d)) return INVALID;
  if (la->type != lb->type || ld->type != 0 || (la->type == 14 && desc->compute != 68)) return INVALID;
  if (desc->scale != 0 || (desc->compute != 68 && desc->compute != 75)) return INVALID;
  memset(workspace, 1, bytes);
  for (uint64_t j = 0; j < ld->cols; ++j)
    for (uint64_t i = 0; i < ld->rows; ++i) {
      double sum = 0.0;
      for (uint64_t k = 0; k < terms; ++k)
        sum += at(a, la, desc->transposed_a, i, k, desc->compute == 75) *
               at(b, lb, desc->transposed_b, k, j, desc->compute == 75);
      d[i + j * ld->ld] = (float)sum;
    }
  return 0;
}
