# The CUDA side of the extension: densor_cuda is the kernels for a GPU, or their stand-in; densor_cuda_host, the
# same kernels for the processor.

file(GLOB_RECURSE densor_kernels CONFIGURE_DEPENDS csrc/cuda/*.cu)

# AUTO: where there is a compiler for them and a driver that could run them.
if(DENSOR_CUDA STREQUAL "AUTO" AND EXISTS /proc/driver/nvidia/version)
  include(CheckLanguage)
  check_language(CUDA)
endif()
if(DENSOR_CUDA STREQUAL "ON" OR (DENSOR_CUDA STREQUAL "AUTO" AND CMAKE_CUDA_COMPILER))
  set(densor_with_cuda ON)
else()
  set(densor_with_cuda OFF)
endif()

if(densor_with_cuda)
  set(CMAKE_CUDA_ARCHITECTURES 75-real 80-real 90a-real 90-virtual CACHE STRING "GPU architectures")
  enable_language(CUDA)
  find_package(CUDAToolkit REQUIRED)
  set(CMAKE_CUDA_STANDARD 20)
  set(CMAKE_CUDA_VISIBILITY_PRESET hidden)
  add_library(densor_cuda OBJECT ${densor_kernels} csrc/cuda/nvidia/runtime.cpp)
  target_include_directories(densor_cuda PRIVATE csrc csrc/cuda/nvidia)
  # Rounding as on the CPU: no contraction, denormals flushed, exact division and roots.
  target_compile_options(
    densor_cuda PRIVATE $<$<COMPILE_LANGUAGE:CUDA>:--fmad=false -ftz=true --expt-relaxed-constexpr
                        $<$<BOOL:${DENSOR_WERROR}>:-Werror=all-warnings>>)
  target_link_libraries(densor_cuda PRIVATE CUDA::cudart_static)
  set(densor_cuda_libraries CUDA::cudart_static)
else()
  add_library(densor_cuda OBJECT csrc/cuda/absent.cpp)
  target_link_libraries(densor_cuda PRIVATE densor_options densor_warnings)
  set(densor_cuda_libraries)
endif()

# The kernels for the processor, with compiler options of the caller's.
function(densor_cuda_on_processor name)
  file(GLOB host_sources CONFIGURE_DEPENDS csrc/cuda/host/*.cpp)
  set_source_files_properties(${densor_kernels} PROPERTIES LANGUAGE CXX COMPILE_OPTIONS "-xc++")
  add_library(${name} OBJECT ${densor_kernels} ${host_sources})
  target_include_directories(${name} PRIVATE csrc/cuda/host)
  target_link_libraries(${name} PRIVATE densor_options densor_warnings)
  target_compile_options(${name} PRIVATE ${ARGN} -Wno-unknown-pragmas -Wno-unused-function)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    target_compile_options(${name} PRIVATE -mavx2 -mfma)
  endif()
endfunction()

if(DENSOR_CUDA_HOST)
  densor_cuda_on_processor(densor_cuda_host -O2)
endif()
if(DENSOR_CUDA_ASAN)
  # -O1: what is out of bounds is not optimized away.
  densor_cuda_on_processor(densor_cuda_asan -O1 -g1 -fsanitize=address -fno-omit-frame-pointer)
endif()
