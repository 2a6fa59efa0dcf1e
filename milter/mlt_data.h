/* mlt_data.h - what the session's files share: a connection, a message, a recipient and what its
 * run wanted.
 *
 * Two lifetimes. A connection (struct mlt_conn) lives from negotiation to close. A message (struct
 * mlt_msg, inside the connection) lives from MAIL FROM to the answer, or abort; all its memory is
 * in one arena and goes in one call. All of it belongs to the thread that serves the connection.
 * Private to milter/: mlt_sess.h is what others see. */
#ifndef MLT_DATA_H
#define MLT_DATA_H

#include <stdbool.h>
#include <stddef.h>

#include "hsl/hsl_host.h"
#include "lib/ut_arena.h"
#include "lib/ut_conf.h"
#include "milter/mlt_edit.h"
#include "milter/mlt_flows.h"
#include "milter/mlt_journal.h"
#include "milter/mlt_ops.h"
#include "milter/mlt_reply.h"
#include "milter/mlt_spool.h"
#include "milter/mlt_tick.h"
#include "quarantine/qtn_file.h"

struct mlt_server;

#define MLT_ID_LEN 36      /* characters of a message id, a UUID */
#define MLT_SESSION_LEN 16 /* of a session id */

/* Limits of one message besides max_message_size. */
#define MLT_MAX_MEMORY ((size_t)64 * 1024 * 1024) /* bytes of the arena: envelope, headers */
#define MLT_MAX_HEADER ((size_t)8 * 1024 * 1024)  /* bytes of all headers as received */
#define MLT_MAX_HEADERS 10000                     /* headers as received */
#define MLT_MAX_RCPTS 10000                       /* recipients */
#define MLT_MAX_CONTEXT ((size_t)1024 * 1024)     /* bytes of $context */

/* Why an action was taken: what the log names beside it. */
enum mlt_origin {
    MLT_BY_SCRIPT, /* place is the call */
    MLT_BY_END,    /* the script ended without one */
    MLT_BY_ERROR,  /* the script failed: reason says how */
    MLT_BY_DEFAULT /* no script is configured, or none could be loaded */
};

/* One action that a run recorded. */
struct mlt_action {
    enum hsl_action action;
    enum mlt_origin origin;
    struct hsl_place place;
    struct mlt_reply reply;        /* REJECT, DEFER, BLOCK; QUARANTINE with reject */
    const char *reason;            /* for the log and the quarantine; "" if none was given */
    const char *recipient;         /* DELIVER, COPY, QUARANTINE: where to; NULL: as received */
    const char *transport;         /* "mailtransport:1"; NULL: the domain's own */
    const char *quarantine;        /* QUARANTINE: "mailquarantine:1" */
    bool reject;                   /* QUARANTINE: refuse after storing */
    const struct mlt_edits *edits; /* the headers as they were then; NULL: as received */
    struct qtn_pair *meta;
    size_t meta_count;
    double ms; /* of the run, in the last action of it */
};

/* What a recipient's runs have changed so far. NULL: nothing. */
struct mlt_changes {
    const char *sender;    /* SetSender */
    const char *recipient; /* SetRecipient, Accept(recipient) */
    const char *transport; /* SetMailTransport */
    struct qtn_pair *meta; /* SetMetaData */
    size_t meta_count;
};

/* A mail address as scripts see it. */
struct mlt_address {
    const char *raw;       /* what the mail server must be given back, with <>: see mlt_addr.c */
    const char *text;      /* as bare, in lower case */
    const char *bare;      /* without <>, in one spelling, letter case as received */
    const char *localpart; /* of bare */
    const char *domain;    /* lower case; "" if there is none */
    const char **params;   /* ESMTP parameters "NAME=VALUE", ended by NULL */
};

/* An accepted recipient. */
struct mlt_rcpt {
    struct mlt_address address;
    const struct ut_conf_domain *domain; /* section that applies; NULL: none */
    const char *transport;               /* of that section; "": none */
    struct mlt_changes changes;          /* by the recipient flow */
    struct mlt_action *refused;          /* by the recipient flow, for mail that may not be refused
                                            at RCPT TO; NULL: accepted */
    struct mlt_action *actions;          /* by the mail flow, in order; the last one decides */
    size_t action_count;
    bool stays;          /* this message goes to it as received */
    const char *outcome; /* what became of it, for the log */
    const char *held;    /* id in the quarantine; NULL: none */
};

struct mlt_msg {
    bool active;   /* between MAIL FROM and the answer */
    bool spooling; /* the header block is in the spool */
    bool too_large;
    bool headers_too_large;
    const char *impossible; /* why all of it is refused where a recipient would have been, if that
                               may not be done at RCPT TO; NULL: it is not */
    bool incomplete; /* something of it could not be kept: no memory, too many recipients */
    bool spool_failed;
    char id[MLT_ID_LEN + 1]; /* $messageid */
    const char *queue;       /* Postfix queue id; "" until known */
    struct mlt_address sender;
    const char *new_sender; /* SetSender of the runs so far; NULL: none */
    bool sender_disputed;   /* runs disagree about it */
    struct mlt_rcpt *rcpts;
    size_t rcpt_count, rcpt_cap;
    struct mlt_header *headers;
    size_t header_count, header_cap;
    size_t header_bytes;
    struct mlt_spool spool;
    long long body_offset; /* where in the spool the body starts */
    unsigned actions;      /* $actionid */
    double deadline;       /* of all runs, of ut_time_mono() */
    double started;        /* end of message, of ut_time_mono() */
    struct ut_arena *arena;
    bool utf8; /* SMTPUTF8 was announced */
};

/* TLS and AUTH as known at MAIL FROM; "" what is not. */
struct mlt_security {
    char *tls_version, *cipher, *cipher_bits, *cert_subject, *cert_issuer;
    char *auth_type, *auth_authen;
};

struct mlt_conn {
    struct mlt_server *server;
    struct mlt_flows *flows; /* the revision this connection began with; a reference */
    const struct mlt_ops *ops;
    void *ctx;
    char id[MLT_SESSION_LEN + 1];
    bool overflow;      /* one more than max_connections: refused at connect */
    bool local;         /* not SMTP: mail that entered by sendmail(1), QMQP or a notice */
    bool leading_space; /* header values have their leading blank */
    const struct ut_conf_mailserver *listener; /* NULL: no section fits */
    char *client_ip, *client_ptr;              /* ptr: verified name, or "" */
    char *server_ip;
    char *helo;
    char *myhostname; /* for reports: of the configuration, or Postfix's {j} */
    long client_port, server_port;
    char server_id[80]; /* "mailserver:1"; "" if no section fits */
    int family;         /* AF_INET, AF_INET6, AF_UNIX, 0 */
    struct mlt_security security;
    char *context; /* $context; NULL: never set */
    size_t context_len;
    struct ut_arena *arena;     /* what the access flow left; NULL: nothing */
    struct mlt_action *refused; /* by the access flow, to be told at RCPT TO; NULL: none */
    struct mlt_msg msg;
    struct mlt_tick_work work;  /* while a message is decided on */
    struct mlt_claim *answered; /* of the message before: forgotten when its answer is known to have
                                   been sent */
};

#endif
