# The CUDA side of the extension: ${densor_cuda} is the kernels for a GPU, or their stand-in; densor_cuda_host, the
# same kernels for the processor.

file(GLOB_RECURSE densor_kernels CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/csrc/cuda/*.cu)

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

if(densor_with_cuda OR DENSOR_CUDA_MODULE)
  set(CMAKE_CUDA_ARCHITECTURES 75-real 80-real 90a-real 90-virtual CACHE STRING "GPU architectures")
  enable_language(CUDA)
  find_package(CUDAToolkit REQUIRED)
  set(CMAKE_CUDA_STANDARD 20)
  # CMake 3.25, that of Debian 12, does not know how nvcc is told.
  foreach(kind STANDARD EXTENSION)
    if(NOT CMAKE_CUDA20_${kind}_COMPILE_OPTION)
      set(CMAKE_CUDA20_${kind}_COMPILE_OPTION -std=c++20)
    endif()
  endforeach()
  set(CMAKE_CUDA_VISIBILITY_PRESET hidden)
  add_library(densor_cuda_nvidia OBJECT ${densor_kernels} csrc/cuda/nvidia/runtime.cpp)
  target_include_directories(densor_cuda_nvidia PRIVATE csrc csrc/cuda/nvidia)
  # Rounding as on the CPU: no contraction, denormals flushed, exact division and roots.
  target_compile_options(
    densor_cuda_nvidia PRIVATE $<$<COMPILE_LANGUAGE:CUDA>:--fmad=false -ftz=true --expt-relaxed-constexpr
                               $<$<BOOL:${DENSOR_WERROR}>:-Werror=all-warnings>>)
  target_link_libraries(densor_cuda_nvidia PRIVATE CUDA::cudart_static)
endif()
if(densor_with_cuda)
  set(densor_cuda densor_cuda_nvidia)
  set(densor_cuda_libraries CUDA::cudart_static)
else()
  add_library(densor_cuda_absent OBJECT csrc/cuda/absent.cpp)
  target_link_libraries(densor_cuda_absent PRIVATE densor_options densor_warnings)
  set(densor_cuda densor_cuda_absent)
  set(densor_cuda_libraries)
  if(DENSOR_CUDA_MODULE)
    # To see that it links and loads, one architecture will do.
    set_target_properties(densor_cuda_nvidia PROPERTIES CUDA_ARCHITECTURES 75-real)
  endif()
endif()

# A folder of its own: the same sources are CUDA here and C++ there.
if(DENSOR_CUDA_HOST OR DENSOR_CUDA_ASAN OR DENSOR_CUDA_TSAN)
  add_subdirectory(csrc/cuda/host)
endif()
