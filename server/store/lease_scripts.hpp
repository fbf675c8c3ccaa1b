#pragma once

/// What replicas do to the shared limits in Redis: each script is one atomic step. All of them first look whether the
/// generation is still theirs: it goes when Redis has lost data, and then nothing that was granted is known any more.
///
/// alive:         until when each process is taken for alive, by its last beat
/// beat:<epoch>:  that beat's number
/// short:         limits that somebody lacks, and until when that is news
/// limits:        all that there are
/// A limit is a hash:
///   began      the window that the rest is about
///   spent      used by processes that have left
///   s:<time>   the same of a rolling limit, until that time
///   r:<epoch>  granted to a process: at least what it used and has reserved
///   u:<epoch>  of that, what it had settled when it said so last
///   g:<epoch>  there when the ledger says that the process is gone
/// Always: spent + all s: + all r: <= most; but for processes that used more than they were granted (a call that cost
/// more than the most that it could), of which nobody else gets anything until it is made up for.
namespace sluice::store::lease_scripts {

/// KEYS: generation, alive, beat, short. ARGV: generation, epoch, number, last confirmed number, milliseconds that it
/// is alive for, milliseconds more until it is dead, time to live.
/// ["ok", is it new or was it late, replicas, limits that somebody lacks, dead epochs]; or ["lost"], ["other",
/// generation], ["late"].
extern char const* const beat;

/// KEYS: generation, alive, beat, short, limit, limits. ARGV: generation, epoch, number, window, most, used, settled,
/// held, wanted, least wanted, way, length of a rolling window, limit's text, time to live, whether this process names
/// the limit for the first time (1 or 0). way: "take" more; "retake": return what is not used, and take as much as
/// helps, or nothing; "return" all that is not used; "leave": it never comes back.
/// ["ok", granted, settled by all others as far as they have said]; or ["absent"], ["moved"], ["late"], ["lost"].
extern char const* const step;

/// KEYS: generation, limit, limits. ARGV: generation, window, limit's text, time to live, then fields and values.
/// ["ok"]; or ["there"], ["lost"]. Never adds to what is there.
extern char const* const begin;

/// KEYS: generation, alive, limit. ARGV: generation, epoch, milliseconds more until it is dead, window, used, settled,
/// gone (1 or 0), and until when a rolling limit counts it, else 0.
/// ["ok"]; or ["alive"], ["moved"], ["lost"].
extern char const* const shrink;

/// KEYS: alive. ARGV: epoch, milliseconds more until it is dead. Its last beat stays, for it may come back: what is
/// missing then was not lost.
/// ["ok"]; or ["alive"].
extern char const* const forget;

/// KEYS: generation, lock. ARGV: the lock's owner, the new generation, time to live.
extern char const* const found;

}  // namespace sluice::store::lease_scripts
