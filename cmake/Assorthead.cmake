# Headers only, from the PyPI package assorthead: umappp (UMAP) and what it includes. `launch/setup` puts them there.
set(LAPATLAS_ASSORTHEAD "$ENV{LAPATLAS_ASSORTHEAD}" CACHE PATH "Folder of assorthead's headers: holds umappp/")
set(_default "$ENV{HOME}/.cache/lapatlas/assorthead-0.2.2/include")
if(NOT LAPATLAS_ASSORTHEAD AND EXISTS "${_default}/umappp/umappp.hpp")
  set(LAPATLAS_ASSORTHEAD "${_default}" CACHE PATH "Folder of assorthead's headers: holds umappp/" FORCE)
endif()
if(NOT EXISTS "${LAPATLAS_ASSORTHEAD}/umappp/umappp.hpp")
  message(FATAL_ERROR "umappp not found (LAPATLAS_ASSORTHEAD='${LAPATLAS_ASSORTHEAD}'): run launch/setup, or set LAPATLAS_ASSORTHEAD to a folder with umappp/umappp.hpp")
endif()
