// MPI's profiling interface: every call that may wait for other ranks, ours or HDF5's, tells Activity so.
// Whoever links this library has these in place of MPI's own names.
#include <mpi.h>

#include "dist/activity.hpp"

using lapatlas::Activity;

extern "C" {

int MPI_Allgather(const void* send, int send_count, MPI_Datatype send_type, void* receive, int receive_count,
                  MPI_Datatype receive_type, MPI_Comm comm) {
    const Activity::Waiting waiting("MPI_Allgather");
    return PMPI_Allgather(send, send_count, send_type, receive, receive_count, receive_type, comm);
}

int MPI_Allgatherv(const void* send, int send_count, MPI_Datatype send_type, void* receive,
                   const int receive_counts[], const int offsets[], MPI_Datatype receive_type,
                   MPI_Comm comm) {
    const Activity::Waiting waiting("MPI_Allgatherv");
    return PMPI_Allgatherv(send, send_count, send_type, receive, receive_counts, offsets, receive_type, comm);
}

int MPI_Allreduce(const void* send, void* receive, int count, MPI_Datatype type, MPI_Op op, MPI_Comm comm) {
    const Activity::Waiting waiting("MPI_Allreduce");
    return PMPI_Allreduce(send, receive, count, type, op, comm);
}

int MPI_Alltoall(const void* send, int send_count, MPI_Datatype send_type, void* receive, int receive_count,
                 MPI_Datatype receive_type, MPI_Comm comm) {
    const Activity::Waiting waiting("MPI_Alltoall");
    return PMPI_Alltoall(send, send_count, send_type, receive, receive_count, receive_type, comm);
}

int MPI_Alltoallv(const void* send, const int send_counts[], const int send_offsets[], MPI_Datatype send_type,
                  void* receive, const int receive_counts[], const int receive_offsets[],
                  MPI_Datatype receive_type, MPI_Comm comm) {
    const Activity::Waiting waiting("MPI_Alltoallv");
    return PMPI_Alltoallv(send, send_counts, send_offsets, send_type, receive, receive_counts,
                          receive_offsets, receive_type, comm);
}

int MPI_Barrier(MPI_Comm comm) {
    const Activity::Waiting waiting("MPI_Barrier");
    return PMPI_Barrier(comm);
}

int MPI_Bcast(void* buffer, int count, MPI_Datatype type, int root, MPI_Comm comm) {
    const Activity::Waiting waiting("MPI_Bcast");
    return PMPI_Bcast(buffer, count, type, root, comm);
}

int MPI_Comm_dup(MPI_Comm comm, MPI_Comm* out) {
    const Activity::Waiting waiting("MPI_Comm_dup");
    return PMPI_Comm_dup(comm, out);
}

int MPI_Comm_split_type(MPI_Comm comm, int split, int key, MPI_Info info, MPI_Comm* out) {
    const Activity::Waiting waiting("MPI_Comm_split_type");
    return PMPI_Comm_split_type(comm, split, key, info, out);
}

int MPI_Exscan(const void* send, void* receive, int count, MPI_Datatype type, MPI_Op op, MPI_Comm comm) {
    const Activity::Waiting waiting("MPI_Exscan");
    return PMPI_Exscan(send, receive, count, type, op, comm);
}

int MPI_Gatherv(const void* send, int send_count, MPI_Datatype send_type, void* receive,
                const int receive_counts[], const int offsets[], MPI_Datatype receive_type, int root,
                MPI_Comm comm) {
    const Activity::Waiting waiting("MPI_Gatherv");
    return PMPI_Gatherv(send, send_count, send_type, receive, receive_counts, offsets, receive_type, root,
                        comm);
}

int MPI_Recv(void* buffer, int count, MPI_Datatype type, int source, int tag, MPI_Comm comm,
             MPI_Status* status) {
    const Activity::Waiting waiting("MPI_Recv");
    return PMPI_Recv(buffer, count, type, source, tag, comm, status);
}

int MPI_Scatterv(const void* send, const int send_counts[], const int offsets[], MPI_Datatype send_type,
                 void* receive, int receive_count, MPI_Datatype receive_type, int root, MPI_Comm comm) {
    const Activity::Waiting waiting("MPI_Scatterv");
    return PMPI_Scatterv(send, send_counts, offsets, send_type, receive, receive_count, receive_type, root,
                         comm);
}

int MPI_Wait(MPI_Request* request, MPI_Status* status) {
    const Activity::Waiting waiting("MPI_Wait");
    return PMPI_Wait(request, status);
}

int MPI_Waitall(int count, MPI_Request requests[], MPI_Status statuses[]) {
    const Activity::Waiting waiting("MPI_Waitall");
    return PMPI_Waitall(count, requests, statuses);
}

int MPI_Waitany(int count, MPI_Request requests[], int* index, MPI_Status* status) {
    const Activity::Waiting waiting("MPI_Waitany");
    return PMPI_Waitany(count, requests, index, status);
}

int MPI_Comm_free(MPI_Comm* comm) {
    const Activity::Waiting waiting("MPI_Comm_free");
    return PMPI_Comm_free(comm);
}

int MPI_File_close(MPI_File* file) {
    const Activity::Waiting waiting("MPI_File_close");
    return PMPI_File_close(file);
}

int MPI_File_open(MPI_Comm comm, const char* name, int mode, MPI_Info info, MPI_File* file) {
    const Activity::Waiting waiting("MPI_File_open");
    return PMPI_File_open(comm, name, mode, info, file);
}

int MPI_File_read_at_all(MPI_File file, MPI_Offset offset, void* buffer, int count, MPI_Datatype type,
                         MPI_Status* status) {
    const Activity::Waiting waiting("MPI_File_read_at_all");
    return PMPI_File_read_at_all(file, offset, buffer, count, type, status);
}

int MPI_File_set_size(MPI_File file, MPI_Offset size) {
    const Activity::Waiting waiting("MPI_File_set_size");
    return PMPI_File_set_size(file, size);
}

int MPI_File_set_view(MPI_File file, MPI_Offset offset, MPI_Datatype element, MPI_Datatype type,
                      const char* form, MPI_Info info) {
    const Activity::Waiting waiting("MPI_File_set_view");
    return PMPI_File_set_view(file, offset, element, type, form, info);
}

int MPI_File_sync(MPI_File file) {
    const Activity::Waiting waiting("MPI_File_sync");
    return PMPI_File_sync(file);
}

int MPI_File_write_at_all(MPI_File file, MPI_Offset offset, const void* buffer, int count, MPI_Datatype type,
                          MPI_Status* status) {
    const Activity::Waiting waiting("MPI_File_write_at_all");
    return PMPI_File_write_at_all(file, offset, buffer, count, type, status);
}

int MPI_Gather(const void* send, int send_count, MPI_Datatype send_type, void* receive, int receive_count,
               MPI_Datatype receive_type, int root, MPI_Comm comm) {
    const Activity::Waiting waiting("MPI_Gather");
    return PMPI_Gather(send, send_count, send_type, receive, receive_count, receive_type, root, comm);
}

}  // extern "C"
