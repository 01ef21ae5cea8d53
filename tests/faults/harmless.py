"""What programs call and no test has fail, by the reason. What is new is in none.

Each line is of functions of libc, or of one library that a program is linked with.
"""

from __future__ import annotations

_WORDS = {
    "computes, compares or copies what is there": """
        __isoc99_sscanf alphasort exp2 explicit_bzero fmax fmin gai_strerror
        gmtime_r inet_ntop inet_pton ldexp llround localtime_r log1p lround memchr
        memcmp memcpy memmem memmove memset mktime nl_langinfo qsort qsort_r
        regerror regexec snprintf sqrt stpcpy strcasecmp strcasestr strchr strcmp
        strcspn strerror strftime strlen strncasecmp strncmp strncpy strnlen strpbrk
        strptime strrchr strsep strsignal strspn strstr strtod strtok_r strtol
        strtold strtoll strtoul strtoull timegm vsnprintf wcwidth""",
    "is of the C runtime itself": """
        _ITM_deregisterTMCloneTable _ITM_registerTMCloneTable __assert_fail
        __ctype_b_loc __ctype_tolower_loc __cxa_finalize __environ __errno_location
        __gmon_start__ __libc_start_main __stack_chk_fail __tls_get_addr abort
        call_once environ raise stderr stdin stdout""",
    "lets go, after which nothing can be done": """
        MHD_destroy_response MHD_free MHD_stop_daemon curl_easy_cleanup
        curl_multi_cleanup curl_multi_remove_handle curl_slist_free_all cyaml_free
        deflateEnd free freeaddrinfo gnutls_certificate_free_credentials
        gnutls_hmac_deinit gnutls_priority_deinit gnutls_x509_crt_deinit inflateEnd
        json_delete munmap posix_spawn_file_actions_destroy
        protobuf_c_message_free_unpacked pthread_cond_destroy
        pthread_condattr_destroy pthread_mutex_destroy regfree shutdown unsetenv
        uselocale yaml_document_delete yaml_event_delete yaml_parser_delete""",
    "fails for a wrong argument only": """
        clock_gettime deflate deflateReset fileno getenv geteuid getpid isatty kill
        nanosleep pthread_cond_broadcast pthread_cond_clockwait pthread_cond_init
        pthread_cond_signal pthread_cond_timedwait pthread_cond_wait
        pthread_condattr_init pthread_condattr_setclock pthread_detach pthread_join
        pthread_mutex_init pthread_mutex_lock pthread_mutex_unlock pthread_once
        pthread_sigmask sigaction sigaddset sigemptyset sigfillset signal
        sigprocmask sigtimedwait sigwaitinfo sysconf""",
    "writes to a stream, which fflush() tells at the end": """
        ferror fprintf fputc fputs fwrite printf putc puts""",
    "reads a stream, where the end of it is the same": "fgets fread readdir",
    "asks a library for what it has already": """
        MHD_basic_auth_get_username_password MHD_get_connection_info
        MHD_get_connection_values
        MHD_lookup_connection_value MHD_resume_connection MHD_suspend_connection
        curl_easy_getinfo curl_easy_strerror curl_multi_info_read curl_multi_wakeup
        curl_version_info cyaml_mem cyaml_strerror gnutls_certificate_get_peers
        gnutls_certificate_server_set_request gnutls_session_get_ptr
        gnutls_session_set_ptr gnutls_session_set_verify_function gnutls_strerror
        gnutls_x509_crt_get_subject_alt_name json_integer_value json_object_get
        json_string_length json_string_value protobuf_c_empty_string
        protobuf_c_message_get_packed_size protobuf_c_message_pack
        protobuf_c_message_pack_to_buffer yaml_document_get_node
        yaml_document_get_root_node yaml_parser_set_encoding
        yaml_parser_set_input_file yaml_parser_set_input_string""",
    "is of curses, on a terminal that was set up": """
        clearok cur_term curs_set curscr del_curterm delscreen endwin getmouse
        has_colors init_pair keypad mouseinterval mousemask nodelay noecho nonl raw
        reset_prog_mode resizeterm scrollok set_escdelay setcchar start_color stdscr
        tigetstr use_default_colors wadd_wchnstr wget_wch wmove wrefresh""",
    "fails for bad input, too, which tests of it bring": """
        cyaml_load_data gnutls_certificate_verify_peers inflate yaml_parser_load
        yaml_parser_parse""",
    "fails in unit tests (tests/lib/fault.h)": "vasprintf",
    "is for an address or a locale to show, which is left out then": """
        getnameinfo setlocale""",
}

HARMLESS = {name for words in _WORDS.values() for name in words.split()}
