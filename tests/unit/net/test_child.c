/* Child processes: real ones, of sh and cat, and what goes wrong with them. */
#include "net/child.h"
#include "peer.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static struct loop loop;

struct watched {
    struct child child;
    char lines[4096]; /* each followed by '\n' */
    size_t length, line_count, line_bytes;
    int too_long, exited, status;
    bool kill_at_line;
};

static void on_line(struct child *child, const char *bytes, size_t length)
{
    struct watched *watched = container_of(child, struct watched, child);
    watched->line_count++;
    watched->line_bytes += length;
    if (watched->length + length + 1 < sizeof watched->lines) {
        memcpy(watched->lines + watched->length, bytes, length);
        watched->length += length;
        watched->lines[watched->length++] = '\n';
        watched->lines[watched->length] = '\0';
    }
    if (watched->kill_at_line)
        child_kill(child);
}

static void on_too_long(struct child *child)
{
    struct watched *watched = container_of(child, struct watched, child);
    watched->too_long++;
}

static void on_exited(struct child *child, int status)
{
    struct watched *watched = container_of(child, struct watched, child);
    watched->exited++;
    watched->status = status;
    assert_int_equal(child->pid, 0);
}

static const struct child_events events = {on_line, on_too_long, on_exited};

static void start_limited(struct watched *watched, const char *script, size_t line_limit,
                          size_t input_limit)
{
    char *const argv[] = {"sh", "-c", (char *)script, NULL};
    struct error error = {0};
    memset(watched, 0, sizeof *watched);
    if (child_start(&watched->child, &loop, argv, NULL, line_limit, input_limit, &events, &error) <
        0)
        fail_msg("%s", error.text);
    assert_true(watched->child.pid > 0);
}

static void start(struct watched *watched, const char *script)
{
    start_limited(watched, script, 1 << 20, 1 << 20);
}

static int write_text(struct watched *watched, const char *text)
{
    struct iovec piece = {(void *)text, strlen(text)};
    return child_write_line(&watched->child, &piece, 1);
}

static void exits(struct watched *watched, int code)
{
    RUN_UNTIL(&loop, watched->exited);
    assert_true(WIFEXITED(watched->status));
    assert_int_equal(WEXITSTATUS(watched->status), code);
    assert_int_equal(watched->exited, 1);
}

static void no_children_left(void)
{
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

static int open_loop(void **state)
{
    struct error error;
    (void)state;
    return loop_open(&loop, &error);
}

static int close_loop(void **state)
{
    (void)state;
    loop_close(&loop);
    no_children_left();
    return 0;
}

static void lines_in_and_out(void **state)
{
    struct watched cat;
    struct iovec pieces[] = {{(void *)"{\"a\":", 5}, {(void *)"", 0}, {(void *)"1}", 2}};
    (void)state;
    start(&cat, "exec cat");
    assert_int_equal(getpgid(cat.child.pid), cat.child.pid);
    assert_int_equal(child_write_line(&cat.child, pieces, 3), 0);
    assert_int_equal(write_text(&cat, ""), 0);
    assert_int_equal(write_text(&cat, "second"), 0);
    RUN_UNTIL(&loop, cat.line_count == 3);
    assert_string_equal(cat.lines, "{\"a\":1}\n\nsecond\n");
    assert_int_equal(cat.child.bytes_written, 16);
    assert_int_equal(cat.child.bytes_read, 16);
    child_stop(&cat.child); /* cat ends at the end of its input */
    child_stop(&cat.child);
    assert_int_equal(write_text(&cat, "too late"), -1);
    exits(&cat, 0);
    child_kill(&cat.child); /* harmless */
    assert_int_equal(write_text(&cat, "too late"), -1);
}

static void last_line_without_newline(void **state)
{
    struct watched child;
    (void)state;
    start(&child, "printf 'a\\nb'; exit 7");
    exits(&child, 7);
    assert_string_equal(child.lines, "a\nb\n");
}

static void lines_cut_anywhere(void **state)
{
    struct watched cat;
    char text[3000];
    (void)state;
    memset(text, 'x', sizeof text);
    start(&cat, "exec dd bs=7 status=none"); /* passes on what it reads, seven bytes at a time */
    size_t sum = 0;
    for (size_t length = 0; length < 200; length++) {
        struct iovec piece = {text, length};
        assert_int_equal(child_write_line(&cat.child, &piece, 1), 0);
        sum += length;
    }
    RUN_UNTIL(&loop, cat.line_count == 200);
    assert_int_equal(cat.line_bytes, sum);
    child_stop(&cat.child);
    exits(&cat, 0);
}

static void large_messages_do_not_block(void **state)
{
    enum { LENGTH = 3000000 };
    struct watched cat;
    char *big = malloc(LENGTH);
    struct iovec piece = {big, LENGTH};
    (void)state;
    memset(big, 'y', LENGTH);
    start_limited(&cat, "exec cat", 4000000, 4000000);
    assert_int_equal(child_write_line(&cat.child, &piece, 1), 0); /* a pipe takes far less */
    assert_true(child_input_queued(&cat.child) > 0);
    assert_int_equal(child_write_line(&cat.child, &piece, 1), -1); /* beyond the limit */
    assert_int_equal(write_text(&cat, "behind it"), 0);
    child_stop(&cat.child); /* what is queued is written before stdin closes */
    RUN_UNTIL(&loop, cat.line_count == 2);
    assert_int_equal(cat.line_bytes, LENGTH + 9);
    assert_string_equal(cat.lines, "behind it\n");
    exits(&cat, 0);
    free(big);
}

static void line_limit(void **state)
{
    struct watched child;
    (void)state;
    start_limited(
        &child,
        "echo 12345678; echo 123456789; echo short; head -c 500000 /dev/zero; echo; echo end", 8,
        100);
    exits(&child, 0);
    assert_string_equal(child.lines, "12345678\nshort\nend\n");
    assert_int_equal(child.too_long, 2);
    start_limited(
        &child,
        "printf 12345; sleep 0.05; printf 67890; sleep 0.05; printf 1; sleep 0.05; echo 2; echo on",
        8, 100);
    exits(&child, 0);
    assert_string_equal(child.lines, "on\n");
    assert_int_equal(child.too_long, 1);
}

static void stderr_is_drained_and_kept(void **state)
{
    struct watched child;
    (void)state;
    start(&child, "head -c 3000000 /dev/zero | tr '\\0' e >&2; printf 'bad \\377 esc \\033[1m "
                  "caf\\303\\251 cut "
                  "\\342\\202' >&2; echo done");
    exits(&child, 0);
    assert_string_equal(child.lines, "done\n");
    assert_true(child.child.error_bytes > 3000000);
    assert_int_equal(strlen(child.child.error_tail), sizeof child.child.error_tail - 1);
    const char *tail = child.child.error_tail + sizeof child.child.error_tail - 1 - 33;
    if (!strstr(tail, "ebad ? esc ?[1m caf\xc3\xa9 cut "))
        fail_msg("%s", tail);
}

static void stderr_in_pieces(void **state)
{
    struct watched child;
    (void)state;
    start(&child, "printf 'a\\303' >&2; sleep 0.05; printf '\\251b' >&2; sleep 0.05; printf "
                  "'\\303' >&2; sleep 0.05; "
                  "printf 'c' >&2");
    exits(&child, 0);
    assert_string_equal(child.child.error_tail, "a\xc3\xa9"
                                                "b?c");
}

static void cannot_start(void **state)
{
    struct watched child;
    struct error error;
    char script[] = "/tmp/cicada-child-XXXXXX";
    (void)state;
    int fd = mkstemp(script);
    assert_int_equal(write(fd, "#!/nonexistent/sh\n", 18), 18);
    close(fd);
    const struct {
        const char *program, *text;
        int mode;
    } cases[] = {
        {"no-such-program-anywhere", "not found in PATH", 0},
        {"/nonexistent/program", "no such file", 0},
        {script, "not executable", 0600},
        {script, "interpreter", 0700},
        {"/tmp", "not executable", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *const argv[] = {(char *)cases[i].program, NULL};
        if (cases[i].mode)
            chmod(script, (mode_t)cases[i].mode);
        memset(&error, 0, sizeof error);
        assert_int_equal(child_start(&child.child, &loop, argv, NULL, 100, 100, &events, &error),
                         -1);
        assert_int_equal(error.code, ERROR_TARGET);
        if (!strstr(error.text, cases[i].text) || !strstr(error.text, cases[i].program))
            fail_msg("%s", error.text);
        assert_int_equal(child.child.pid, 0);
        child_kill(&child.child); /* harmless */
    }
    unlink(script);
    char *const none[] = {NULL};
    assert_int_equal(child_start(&child.child, &loop, none, NULL, 100, 100, &events, &error), -1);
    assert_int_equal(error.code, ERROR_USAGE);
}

static void environment_is_put_over_ours(void **state)
{
    struct watched watched;
    struct error error;
    char *const argv[] = {"sh", "-c", "echo $A-$B-${CICADA_OURS-unset}-$HOME", NULL};
    char *const environment[] = {"A=1", "B=two words", "HOME=/nowhere", NULL};
    (void)state;
    setenv("CICADA_OURS", "kept", 1);
    setenv("HOME", "/home", 1);
    memset(&watched, 0, sizeof watched);
    assert_int_equal(
        child_start(&watched.child, &loop, argv, environment, 100, 100, &events, &error), 0);
    exits(&watched, 0);
    assert_string_equal(watched.lines, "1-two words-kept-/nowhere\n");
}

static void inherits_nothing_else(void **state)
{
    struct watched child, other;
    char expected[8192] = "0\n1\n2\n";
    (void)state;
    start(&other, "exec cat");
    start(&child, "exec ls -v /proc/self/fd");
    exits(&child, 0);
    int listing = 3; /* ls has the folder open itself, at the first number that is free */
    for (int fd = 3; fd < 1024; fd++) {
        /* What our own parent left open without CLOEXEC is not ours to judge. */
        bool inherited = (fcntl(fd, F_GETFD) & FD_CLOEXEC) == 0;
        listing += inherited && fd == listing;
        if (inherited || fd == listing)
            snprintf(expected + strlen(expected), 8, "%d\n", fd);
    }
    assert_string_equal(child.lines, expected);
    child_kill(&other.child);
}

static void ignoring_the_end_of_input(void **state)
{
    struct watched child;
    (void)state;
    start(&child, "trap 'echo term; exit 5' TERM; echo up; while :; do sleep 0.05; done");
    RUN_UNTIL(&loop, child.line_count == 1);
    child_stop(&child.child);
    exits(&child, 5);
    assert_string_equal(child.lines, "up\nterm\n");
}

static void ignoring_sigterm(void **state)
{
    struct watched child;
    (void)state;
    start(&child, "trap '' TERM; echo up; while :; do sleep 0.05; done");
    RUN_UNTIL(&loop, child.line_count == 1);
    child_stop(&child.child);
    RUN_UNTIL(&loop, child.exited);
    assert_true(WIFSIGNALED(child.status));
    assert_int_equal(WTERMSIG(child.status), SIGKILL);
}

static void closing_stdout_is_the_end(void **state)
{
    struct watched child;
    (void)state;
    start(&child, "echo last; exec cat >/dev/null");
    RUN_UNTIL(&loop, child.line_count == 1);
    exits(&child, 0); /* it was asked to stop */
}

static bool is_alive(pid_t pid)
{
    char path[64], state = 'X';
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *file = fopen(path, "r");
    if (!file)
        return false;
    if (fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
        state = 'X';
    fclose(file);
    return state != 'Z' && state != 'X';
}

static void dies(pid_t pid)
{
    for (uint64_t give_up = clock_now_ns() + 10 * NS_PER_S; is_alive(pid); usleep(1000))
        assert_true(clock_now_ns() < give_up);
}

static void what_it_leaves_behind(void **state)
{
    struct watched child;
    (void)state;
    start(&child, "sleep 1000 & echo $!; exit 3"); /* the grandchild holds stdout open */
    exits(&child, 3);
    pid_t grandchild = atoi(child.lines);
    assert_true(grandchild > 0);
    dies(grandchild);

    start(&child, "sleep 1000 & echo $!; wait");
    RUN_UNTIL(&loop, child.line_count == 1);
    grandchild = atoi(child.lines);
    child_kill(&child.child); /* the whole group */
    assert_int_equal(child.exited, 0);
    dies(grandchild);
}

static void stdin_that_nobody_reads(void **state)
{
    struct watched child;
    (void)state;
    start(&child, "exec <&-; echo closed; sleep 1000");
    RUN_UNTIL(&loop, child.line_count == 1);
    assert_int_equal(write_text(&child, "x"), -1); /* EPIPE, and no SIGPIPE */
    assert_int_equal(write_text(&child, "x"), -1);
    child_kill(&child.child);
}

static void killing_from_inside(void **state)
{
    struct watched *child = malloc(sizeof *child);
    (void)state;
    start(child, "echo 1; echo 2; echo 3; sleep 1000");
    child->kill_at_line = true;
    RUN_UNTIL(&loop, child->line_count);
    assert_int_equal(child->line_count, 1);
    assert_int_equal(child->child.pid, 0);
    free(child);
    peer_settle(&loop);
}

static void died_by_a_signal(void **state)
{
    struct watched child;
    (void)state;
    start(&child, "echo dying >&2; kill -SEGV $$");
    RUN_UNTIL(&loop, child.exited);
    assert_true(WIFSIGNALED(child.status));
    assert_int_equal(WTERMSIG(child.status), SIGSEGV);
    assert_non_null(strstr(child.child.error_tail, "dying"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lines_in_and_out, open_loop, close_loop),
        cmocka_unit_test_setup_teardown(last_line_without_newline, open_loop, close_loop),
        cmocka_unit_test_setup_teardown(lines_cut_anywhere, open_loop, close_loop),
        cmocka_unit_test_setup_teardown(large_messages_do_not_block, open_loop, close_loop),
        cmocka_unit_test_setup_teardown(line_limit, open_loop, close_loop),
        cmocka_unit_test_setup_teardown(stderr_is_drained_and_kept, open_loop, close_loop),
        cmocka_unit_test_setup_teardown(stderr_in_pieces, open_loop, close_loop),
        cmocka_unit_test_setup_teardown(cannot_start, open_loop, close_loop),
        cmocka_unit_test_setup_teardown(environment_is_put_over_ours, open_loop, close_loop),
        cmocka_unit_test_setup_teardown(inherits_nothing_else, open_loop, close_loop),
        cmocka_unit_test_setup_teardown(ignoring_the_end_of_input, open_loop, close_loop),
        cmocka_unit_test_setup_teardown(ignoring_sigterm, open_loop, close_loop),
        cmocka_unit_test_setup_teardown(closing_stdout_is_the_end, open_loop, close_loop),
        cmocka_unit_test_setup_teardown(what_it_leaves_behind, open_loop, close_loop),
        cmocka_unit_test_setup_teardown(stdin_that_nobody_reads, open_loop, close_loop),
        cmocka_unit_test_setup_teardown(killing_from_inside, open_loop, close_loop),
        cmocka_unit_test_setup_teardown(died_by_a_signal, open_loop, close_loop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
