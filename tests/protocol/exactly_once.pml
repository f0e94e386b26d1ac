/* The protocol of inbox, outbox and relay, for Spin. README.md beside this file says what it claims, what it leaves out,
   and which function does each step. One partition of input, one lane, two workers; time does not exist: whatever can
   happen next, may. Compile with one of the MUTANT_... names defined to see what the step it breaks is good for. */

#ifndef RECORDS
#define RECORDS 3
#endif
#ifndef INBOXES
#define INBOXES 2                   /* how many of the two workers read input */
#endif
#ifndef WATERMARK
#define WATERMARK 1
#endif
#ifndef RELAYS
#define RELAYS 2                    /* 0: nobody publishes */
#endif
#ifndef CRASHES
#define CRASHES 1
#endif
#ifndef EVICTIONS
#define EVICTIONS 1
#endif
#ifndef MOVES
#define MOVES 1
#endif
#ifndef FAILOVERS
#define FAILOVERS 0
#endif
#ifndef KAFKA_LOSSES
#define KAFKA_LOSSES 0
#endif

#define WORKERS 2
#define NOBODY 7
#define GHOST 6                     /* a member whose process is gone, until its session ends */
#define NONE 0
#define TIMELINES (FAILOVERS + 1)

/* Record 0 and 1 hold facts of their own; record 2 is the first fact, sent again. */
#define FACT(record) (record % 2)
#define BIT(fact) (1 << (fact))
#define VALUE(fact) ((fact) + 1 + 4 * timeline)   /* an output decided again on another timeline is another output */

typedef Database {
    byte facts;                     /* a bit per fact */
    byte length;                    /* of the outbox: rows 1 to length */
    byte row[5];
    byte noted;                     /* up to which row the relay has said it published */
    byte watermark;                 /* all records below were read */
    bool agreed[TIMELINES]          /* the input was held against the database on this timeline */
}

/* Kafka */
byte sent;                          /* records in the input topic */
byte committed_offset;
byte generation;                    /* of the group that reads the input */
byte owner = NOBODY;
bool member[WORKERS];
byte ghosts;
byte cursor, cursor_value;          /* the newest committed record of the cursor topic */
byte published;                     /* a bit per fact, over all committed outputs */
byte last_published;                /* its position */
byte before_cursor, before_value, before_published;   /* as they were one transaction ago */
byte epoch;                         /* of the lane's transactional id */
byte epoch_that_lost;               /* the epoch whose records the broker has lost some of */
byte lane_owner = NOBODY;

/* PostgreSQL */
Database db, standby;
byte timeline;
bool in_recovery;
bool lost_rows;                     /* a failover lost something */
bool lost_transaction;              /* Kafka lost something */

/* Workers */
bool inbox_dies[WORKERS], relay_dies[WORKERS];
byte known[WORKERS];                /* the timeline that the process began with */
bool unchecked[WORKERS];            /* mutant only: has a connection that was made in recovery */
bool up[WORKERS];
bool stopped;                       /* a lane stopped, or a worker refused to start: a person is asked */

/* The second worker begins when something has gone wrong, or all is read: earlier it changes nothing but the number of
   states. */
#define BEGINS(w) (w == 0 || crashes < CRASHES || evictions < EVICTIONS || moves < MOVES || failovers < FAILOVERS || \
                   kafka_losses < KAFKA_LOSSES)

byte crashes = CRASHES, evictions = EVICTIONS, moves = MOVES, failovers = FAILOVERS, kafka_losses = KAFKA_LOSSES;

#define GROUP_IS_EMPTY (!member[0] && !member[1] && ghosts == 0)

inline copy(to, from) {
    to.facts = from.facts; to.length = from.length; to.noted = from.noted; to.watermark = from.watermark;
    to.row[1] = from.row[1]; to.row[2] = from.row[2]; to.row[3] = from.row[3]; to.row[4] = from.row[4];
    to.agreed[0] = from.agreed[0];
#if FAILOVERS > 0
    to.agreed[1] = from.agreed[1];
#endif
#if FAILOVERS > 1
    to.agreed[2] = from.agreed[2];
#endif
    skip
}

inline process_ends(w) {
    d_step { up[w] = false; inbox_dies[w] = true; relay_dies[w] = true }
}

/* Every statement goes over a connection of the timeline that the process began with, or ends the process. */
#if defined(MUTANT_NO_TIMELINE)
#define COMPARED(w) (true)
#else
#define COMPARED(w) (known[w] == timeline || unchecked[w])
#endif

#define OVER_A_CONNECTION(w) !in_recovery -> if :: COMPARED(w) :: else -> process_ends(w); goto gone fi

inline stop_with_a_sentence() {
    /* Never a false alarm: a person is only asked where a store lost something. */
    assert(lost_rows || lost_transaction);
    stopped = true
}

inline decide(fact) {
#if defined(MUTANT_NO_IDENTITY)
    if :: db.length < 4 ->
        db.length++; db.row[db.length] = VALUE(fact)
    :: else fi;
    db.facts = db.facts | BIT(fact)
#else
    if
    :: db.facts & BIT(fact)         /* known: changes nothing */
    :: else ->
        db.facts = db.facts | BIT(fact);
#if defined(MUTANT_SEQUENCE)
        db.row[taken] = VALUE(fact);
        if :: db.length < taken -> db.length = taken :: else fi
#else
        db.length++;
        db.row[db.length] = VALUE(fact)
#endif
    fi
#endif
}

#if defined(MUTANT_SEQUENCE)
byte sequence;                      /* positions from a sequence, which doesn't wait for whoever took the one before */
#endif

proctype Inbox(byte w) {
#if defined(MUTANT_SEQUENCE)
    byte taken;
#endif
    byte position, batch, my_generation, seen_cursor, seen_value, seen_watermark, end;
    bool agrees, mine, rewound;

begin:
    {
        atomic { !in_recovery && BEGINS(w) -> known[w] = timeline; unchecked[w] = false };

        /* stores_agree: nobody starts on a database that is behind Kafka */
        atomic { seen_cursor = cursor; seen_value = cursor_value };
        atomic {
            OVER_A_CONNECTION(w);
#if !defined(MUTANT_NO_CHECK_AT_START)
            if
            :: seen_cursor > db.length || db.row[seen_cursor] != seen_value ->
                stop_with_a_sentence();
                goto refused
            :: else
            fi;
#endif
            up[w] = true
        };

        w < INBOXES;
rewind: atomic { OVER_A_CONNECTION(w); seen_watermark = db.watermark; agrees = db.agreed[timeline] };
        atomic {
            rewound = true;
            if
#if defined(MUTANT_REWIND_WITH_MEMBERS)
            :: committed_offset > seen_watermark -> committed_offset = seen_watermark
#elif defined(MUTANT_REWIND_ONLY_IF_BEHIND)
            :: committed_offset > seen_watermark && GROUP_IS_EMPTY -> committed_offset = seen_watermark
            :: committed_offset > seen_watermark && !GROUP_IS_EMPTY -> rewound = false
#else
            :: GROUP_IS_EMPTY ->
                if :: committed_offset > seen_watermark -> committed_offset = seen_watermark :: else fi
            :: !GROUP_IS_EMPTY && (committed_offset > seen_watermark || !agrees) -> rewound = false
#endif
            :: else
            fi
        };
        if
        :: rewound || agrees
        :: else -> GROUP_IS_EMPTY || known[w] != timeline; goto rewind
        fi;
        atomic { OVER_A_CONNECTION(w); db.agreed[timeline] = true };

join:   atomic { member[w] = true; mine = false; end = 0 };
        do
        :: atomic { owner == w && (!mine || my_generation != generation) ->
            mine = true; my_generation = generation; position = committed_offset; batch = 0; end = 0 }

        /* A batch: handed out, stored, committed. A member that was put out of the group may not know it yet. */
#if defined(MUTANT_SEQUENCE)
        :: atomic { mine && batch == 0 && position < sent -> batch = 1; sequence++; taken = sequence }
#else
        :: atomic { mine && batch == 0 && position < sent -> batch = sent - position }
#endif
#if defined(MUTANT_COMMIT_OFFSET_FIRST)
        :: atomic { mine && batch > 0 && my_generation == generation -> committed_offset = position + batch };
#else
        :: batch > 0 ->
#endif
            atomic {
                OVER_A_CONNECTION(w);
                do
                :: batch > 0 -> decide(FACT(position)); position++; batch--
                :: else -> break
                od
            };
#if !defined(MUTANT_COMMIT_OFFSET_FIRST)
        /* At any later time, after this batch or further ones. Refused to a former member: redelivered, and known. */
        :: atomic { mine && batch == 0 && position != committed_offset && my_generation == generation && owner == w ->
            committed_offset = position }
#endif

        /* The watermark: where the input ended when it was asked, once all of that is handled. */
        :: atomic { WATERMARK && mine && end < sent && db.watermark < sent -> end = sent }
#if defined(MUTANT_WATERMARK_IN_HAND)
        :: atomic { mine && end > db.watermark && position + batch >= end ->
#else
        :: atomic { mine && end > db.watermark && position >= end ->
#endif
            OVER_A_CONNECTION(w);
            byte n;
            n = 0;
            do
            :: n < end -> assert(db.facts & BIT(FACT(n))); n++    /* every record below was read */
            :: else -> n = 0; break
            od;
            db.watermark = end }

        /* Put out of the group, and now it knows: it joins again. */
        :: atomic { !member[w] && batch == 0 -> member[w] = true; mine = false }
        :: atomic { mine && (owner != w || my_generation != generation) && batch == 0 -> mine = false }

        /* A new connection after a failover meets another timeline. */
        :: atomic { !in_recovery && !COMPARED(w) -> process_ends(w); goto gone }
        od
    } unless { inbox_dies[w] };
gone:
    atomic { inbox_dies[w] ->
        inbox_dies[w] = false;
        if :: member[w] -> member[w] = false; ghosts++; if :: owner == w -> owner = GHOST :: else fi :: else fi;
        mine = false; batch = 0; position = 0; my_generation = 0; end = 0; agrees = false; rewound = false;
        seen_cursor = 0; seen_value = 0; seen_watermark = 0;
        goto begin
    };
refused:
    inbox_dies[w] -> goto gone
}

proctype Relay(byte w) {
    byte my_epoch, position, anchor, seen_noted, seen_cursor, seen_value, next;

begin:
    {
        up[w];
assigned:
        /* Only on the group's word: two that initialise without it would shut each other out for ever. */
#if defined(MUTANT_INIT_UNASKED)
        if :: my_epoch > 0 :: lane_owner == w fi;
#else
        lane_owner == w;
#endif
#if defined(MUTANT_CURSOR_BEFORE_INIT)
        atomic { OVER_A_CONNECTION(w); seen_noted = db.noted };
        atomic { seen_cursor = cursor; seen_value = cursor_value };
#endif
        atomic { epoch++; my_epoch = epoch };
        assert(epoch < 12);         /* nobody is shut out for ever */
#if defined(MUTANT_NOTED_AFTER_CURSOR)
        atomic { seen_cursor = cursor; seen_value = cursor_value };
        atomic { OVER_A_CONNECTION(w); seen_noted = db.noted };
#elif !defined(MUTANT_CURSOR_BEFORE_INIT)
        atomic { OVER_A_CONNECTION(w); seen_noted = db.noted };
        atomic { seen_cursor = cursor; seen_value = cursor_value };
#endif
        atomic {
            OVER_A_CONNECTION(w);
#if !defined(MUTANT_NO_CHECK_AT_START)
            if
            :: seen_cursor < seen_noted || seen_cursor > db.length || db.row[seen_cursor] != seen_value ->
                stop_with_a_sentence();
                goto lane_stopped
            :: else
            fi;
#endif
            position = seen_cursor; anchor = seen_value
        };
        atomic { OVER_A_CONNECTION(w); if :: db.noted < position -> db.noted = position :: else fi };
        do
        :: atomic { !in_recovery && (db.length > position || !COMPARED(w)) ->
            OVER_A_CONNECTION(w);
#if defined(MUTANT_SEQUENCE)
            if :: db.row[position + 1] == 0 -> position++; anchor = 0 :: else fi;
#endif
            if
            :: db.row[position] != anchor -> stop_with_a_sentence(); goto lane_stopped
            :: else -> next = db.row[position + 1]
            fi };
            /* One Kafka transaction: output and cursor. */
            atomic {
                if
                :: my_epoch == epoch_that_lost -> next = 0    /* the broker misses a sequence number: begin again */
#if defined(MUTANT_NO_FENCE)
                :: my_epoch != epoch_that_lost ->
#else
                :: my_epoch != epoch_that_lost && my_epoch == epoch ->
#endif
                    assert(!(published & BIT((next - 1) % 4)));            /* published once */
                    assert(position + 1 == last_published + 1);            /* and in order */
                    before_published = published; before_cursor = cursor; before_value = cursor_value;
                    published = published | BIT((next - 1) % 4);
                    last_published = position + 1;
#if !defined(MUTANT_CURSOR_APART)
                    cursor = position + 1; cursor_value = next
#endif
                :: else -> next = 0
                fi
            };
            if
            :: next == 0 -> goto assigned       /* fenced */
            :: else
            fi;
#if defined(MUTANT_CURSOR_APART)
            atomic { cursor = position + 1; cursor_value = next };
#endif
            atomic { position++; anchor = next; next = 0 };
            atomic { OVER_A_CONNECTION(w); if :: db.noted < position -> db.noted = position :: else fi }
        :: atomic { lane_owner != w -> my_epoch = 0; goto assigned }
        od
    } unless { relay_dies[w] };
gone:
    atomic { relay_dies[w] ->
        relay_dies[w] = false; my_epoch = 0; position = 0; anchor = 0; seen_noted = 0; seen_cursor = 0; seen_value = 0; next = 0;
        goto begin
    };
lane_stopped:
    relay_dies[w] -> goto gone
}

/* Everything that nobody in the protocol decides. */
proctype World() {
    byte w;
    bool restarted;
    do
    :: atomic { sent < RECORDS -> sent++ }

    /* The group gives the partition, and the lane's group the lane, to one of their members. */
    :: atomic { owner == NOBODY && (member[0] || member[1]) ->
        if :: member[0] -> owner = 0 :: member[1] -> owner = 1 fi;
        generation++ }
#if RELAYS > 0
    :: atomic { lane_owner == NOBODY && (up[0] || up[1] && RELAYS > 1) ->
        if :: up[0] -> lane_owner = 0 :: up[1] && RELAYS > 1 -> lane_owner = 1 fi }
    :: atomic { lane_owner < WORKERS && !up[lane_owner] -> lane_owner = NOBODY }
#endif
    :: atomic { ghosts > 0 ->
        ghosts--;
        if :: owner == GHOST -> owner = NOBODY; generation++ :: else fi }

    :: atomic { crashes > 0 && sent > 0 -> crashes--; if :: w = 0 :: w = 1 fi; if :: up[w] -> process_ends(w) :: else fi; w = 0 }
    /* A frozen process is put out of the group, and goes on later as if nothing had happened. */
    :: atomic { evictions > 0 && owner < WORKERS -> evictions--; member[owner] = false; owner = NOBODY; generation++ }
    :: atomic { moves > 0 && lane_owner < WORKERS -> moves--; lane_owner = 1 - lane_owner;
        if :: up[lane_owner] :: else -> lane_owner = NOBODY fi }

    /* A standby follows as it can; it is promoted with all there was (synchronous), or without the newest. */
    :: atomic { failovers > 0 && !in_recovery && (standby.facts != db.facts || standby.length != db.length ||
                standby.noted != db.noted || standby.watermark != db.watermark || standby.agreed[timeline] != db.agreed[timeline]) ->
        copy(standby, db) }
    :: atomic { failovers > 0 && !in_recovery ->
        failovers--;
        in_recovery = true;
        if
        :: standby.length != db.length || standby.facts != db.facts || standby.watermark != db.watermark || standby.noted != db.noted ->
            lost_rows = true;
            copy(db, standby)
        :: true
        fi }
#if defined(MUTANT_CONNECTS_IN_RECOVERY)
    :: atomic { in_recovery && up[0] && !unchecked[0] -> unchecked[0] = true }
    :: atomic { in_recovery && up[1] && !unchecked[1] -> unchecked[1] = true }
#endif
    :: atomic { in_recovery -> in_recovery = false; timeline++ }

    :: atomic { kafka_losses > 0 && last_published > 0 && last_published == cursor ->
        kafka_losses--;
        lost_transaction = true;
        epoch_that_lost = epoch;
        cursor = before_cursor; cursor_value = before_value;
        if
        :: published = before_published; last_published = before_cursor      /* the whole transaction */
        :: db.noted >= last_published                                       /* the cursor alone */
        fi }

    /* An idle relay notices what Kafka lost with its next output or at its next start. Some day it starts. */
    :: atomic { timeout && lost_transaction && !stopped && !restarted -> restarted = true; process_ends(0); process_ends(1) }

    /* Nothing else can happen any more: everything was heard, and everything published, or a person was asked. */
    :: timeout && (!lost_transaction || stopped || restarted) ->
        assert(stopped || (sent == RECORDS && db.facts == (1 << RECORDS) - 1 - 4 * (RECORDS > 2)));
        assert(stopped || RELAYS == 0 || (published == db.facts && last_published == db.length));
        assert(stopped || !WATERMARK || db.watermark == RECORDS);
        break
    od
}

init {
    atomic {
        run Inbox(0); run Inbox(1);
#if RELAYS > 0
        run Relay(0);
#endif
#if RELAYS > 1
        run Relay(1);
#endif
        run World()
    }
}
