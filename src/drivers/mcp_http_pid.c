/* The process behind a loopback port, found through /proc, so that a local target can be watched
 * without being told its process id. Best effort: what cannot be read is not found. */
#include "drivers/mcp_http.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool is_loopback(const struct stream_address *address);
static unsigned long listening_inode(const char *table, uint16_t port);
static bool local_or_any(const char *hexadecimal);
static bool holds_socket(const char *pid, const char *socket_name);

pid_t mcp_http_pid_of(const struct stream_address *address, uint16_t port)
{
    if (!is_loopback(address))
        return 0;
    unsigned long inode = listening_inode("/proc/net/tcp", port);
    if (!inode)
        inode = listening_inode("/proc/net/tcp6", port);
    DIR *processes = inode ? opendir("/proc") : NULL;
    if (!processes)
        return 0;
    char socket_name[64];
    snprintf(socket_name, sizeof socket_name, "socket:[%lu]", inode);
    /* Processes that inherited the socket hold it too; the lowest id is most likely their parent.
     */
    pid_t found = 0;
    for (struct dirent *entry; (entry = readdir(processes));) {
        if (!isdigit((unsigned char)entry->d_name[0]))
            continue;
        pid_t pid = (pid_t)atol(entry->d_name);
        if ((!found || pid < found) && holds_socket(entry->d_name, socket_name))
            found = pid;
    }
    closedir(processes);
    return found;
}

static bool is_loopback(const struct stream_address *address)
{
    if (address->candidate_count == 0)
        return false;
    const struct sockaddr_storage *first = &address->candidates[0];
    if (first->ss_family == AF_INET)
        return (ntohl(((const struct sockaddr_in *)first)->sin_addr.s_addr) >> 24) == 127;
    return first->ss_family == AF_INET6 &&
           IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)first)->sin6_addr);
}

/* proc(5): "sl local_address rem_address st tx:rx tr:tm retrnsmt uid timeout inode"; state 0A
 * listens. */
static unsigned long listening_inode(const char *table, uint16_t port)
{
    FILE *file = fopen(table, "re");
    char line[512], address[64];
    unsigned long inode = 0;
    if (!file)
        return 0;
    while (!inode && fgets(line, sizeof line, file)) {
        unsigned local_port, state;
        unsigned long candidate;
        if (sscanf(line, " %*u: %63[0-9A-F]:%x %*[0-9A-F]:%*x %x %*s %*s %*s %*s %*s %lu", address,
                   &local_port, &state, &candidate) == 4 &&
            state == 0x0A && local_port == port && local_or_any(address))
            inode = candidate;
    }
    fclose(file);
    return inode;
}

/* Words of the address in hexadecimal, each in host byte order: any, 127.x.x.x, ::1,
 * ::ffff:127.x.x.x */
static bool local_or_any(const char *hexadecimal)
{
    size_t length = strlen(hexadecimal);
    if (strspn(hexadecimal, "0") == length)
        return true;
    uint32_t last = (uint32_t)strtoul(hexadecimal + length - 8, NULL, 16);
    return (ntohl(last) >> 24) == 127 || ntohl(last) == 1;
}

static bool holds_socket(const char *pid, const char *socket_name)
{
    char path[300], link[64];
    snprintf(path, sizeof path, "/proc/%s/fd", pid);
    DIR *descriptors = opendir(path);
    bool holds = false;
    if (!descriptors)
        return false;
    for (struct dirent *entry; !holds && (entry = readdir(descriptors));) {
        ssize_t length = readlinkat(dirfd(descriptors), entry->d_name, link, sizeof link - 1);
        if (length > 0) {
            link[length] = '\0';
            holds = strcmp(link, socket_name) == 0;
        }
    }
    closedir(descriptors);
    return holds;
}
