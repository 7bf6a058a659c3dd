# A tree that can be moved: bin/, share/lapatlas/{configs,slurm,launch}. The binary finds LibTorch where it was linked
# from (LibTorch.cmake puts that on the run path), or in ../lib beside it when the libraries are copied there.
include(GNUInstallDirs)
install(TARGETS lapatlas RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
set_target_properties(lapatlas PROPERTIES INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR}")
set(_share ${CMAKE_INSTALL_DATADIR}/lapatlas)
install(DIRECTORY configs/ DESTINATION ${_share}/configs FILES_MATCHING PATTERN "*.toml")
install(DIRECTORY slurm/ DESTINATION ${_share}/slurm USE_SOURCE_PERMISSIONS FILES_MATCHING PATTERN "*.sbatch" PATTERN "*.sh")
install(PROGRAMS launch/job DESTINATION ${CMAKE_INSTALL_BINDIR} RENAME lapatlas-job)
install(PROGRAMS launch/setup DESTINATION ${_share}/launch)
install(FILES launch/environment.sh launch/mpirun-env launch/python-requirements.txt DESTINATION ${_share}/launch)
install(DIRECTORY docs/ DESTINATION ${_share}/docs)
install(FILES LICENSE README.md CHANGELOG.md DESTINATION ${_share})
