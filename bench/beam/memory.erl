%% Memory of the whole node, when it has come to rest: what processes of an earlier workload held is given back a while
%% after they ended, and would otherwise be taken off the next figure.
-module(memory).
-export([settled/1]).

-define(PAUSE, 5).   % milliseconds between two looks
-define(SAME, 3).    % looks that must agree
-define(LOOKS, 60).  % at most

%% settled(Pids): bytes in use after a collection of the caller's garbage and that of Pids.
settled(Pids) ->
    [erlang:garbage_collect(P) || P <- [self() | Pids]],
    settle(erlang:memory(total), 0, ?LOOKS).

settle(Bytes, ?SAME, _) -> Bytes;
settle(Bytes, _, 0) -> Bytes;
settle(Bytes, Same, Left) ->
    receive after ?PAUSE -> ok end,
    case erlang:memory(total) of
        Now when abs(Now - Bytes) < 16384 -> settle(Bytes, Same + 1, Left - 1);
        Now -> settle(Now, 0, Left - 1)
    end.
