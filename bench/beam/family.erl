%% The workloads with supervisors; bench.erl says what a command yields. Every workload checks that its children do what
%% it is about.
-module(family).
-behaviour(supervisor).
-export([run/2, init/1]).

-define(TIMEOUT, 30000).
%% How often a child crashes before its supervisor is replaced. A supervisor goes through all its restarts of the last
%% second at every restart, which is not what is measured.
-define(CRASHES, 100).

run("restart", N) -> restarts(N, inside) / N;
run("restart_seen", N) -> restarts(N, outside) / N;
run("supervised", N) -> supervised(N);
run("family_start", N) -> {Up, _} = raise(N), Up / N;
run("family_stop", N) -> {_, Down} = raise(N), Down / N.

init(Spec) -> {ok, Spec}.

nanoseconds(Native) -> erlang:convert_time_unit(Native, native, nanosecond).

%% stop(Sup) tells a supervisor to end and waits for it.
stop(Sup) ->
    Ref = monitor(process, Sup),
    unlink(Sup),
    exit(Sup, shutdown),
    receive {'DOWN', Ref, process, Sup, _} -> ok after ?TIMEOUT -> exit({timeout, stop}) end.

%% ---- crash and restart ----

%% restarts(N, From): the nanoseconds of N restarts.
restarts(0, _) -> 0;
restarts(N, From) ->
    K = min(N, ?CRASHES),
    Fell = atomics:new(1, []),
    atomics:put(Fell, 1, erlang:monotonic_time()),
    Child = #{id => phoenix, start => {child, phoenix, [phoenix, self(), Fell]}},
    {ok, Sup} = supervisor:start_link(?MODULE, {#{strategy => one_for_one, intensity => K, period => 1}, [Child]}),
    {First, _} = reborn(),
    Took = burn(First, K, From, 0),
    stop(Sup),
    nanoseconds(Took) + restarts(N - K, From).

reborn() ->
    receive {up, Pid, Took} -> {Pid, Took} after ?TIMEOUT -> exit({timeout, restart}) end.

burn(_, 0, _, Total) -> Total;
burn(Pid, Left, From, Total) ->
    Start = erlang:monotonic_time(),
    Pid ! poison,
    {Next, Inside} = reborn(),
    true = Next =/= Pid,
    Took = case From of
        inside -> Inside;
        outside ->
            Next = gen_server:call(Next, who, ?TIMEOUT),
            erlang:monotonic_time() - Start
    end,
    Next = whereis(phoenix),
    burn(Next, Left - 1, From, Total + Took).

%% ---- memory ----

%% Bytes per named child that has handled one message and waits for the next.
supervised(N) ->
    Before = memory:settled([]),
    Sup = household(N),
    Memory = memory:settled([Sup]) - Before,
    stop(Sup),
    Memory / N.

household(N) ->
    Seen = {self(), atomics:new(1, []), N},
    Children = [#{id => name(I), start => {child, named, [name(I), Seen]}} || I <- lists:seq(1, N)],
    {ok, Sup} = supervisor:start_link(?MODULE, {#{}, Children}),
    [name(I) ! note || I <- lists:seq(1, N)],
    receive done -> ok after ?TIMEOUT -> exit({timeout, notes}) end,
    Sup.

name(I) -> list_to_atom("child-" ++ integer_to_list(I)).

%% ---- dynamic children ----

%% raise(N): the nanoseconds it takes to start N children, and to stop them.
raise(N) ->
    Child = #{id => child, start => {child, start_link, []}},
    {ok, Sup} = supervisor:start_link(?MODULE, {#{strategy => simple_one_for_one}, [Child]}),
    Began = erlang:monotonic_time(),
    [{ok, _} = supervisor:start_child(Sup, []) || _ <- lists:seq(1, N)],
    Started = erlang:monotonic_time(),
    N = proplists:get_value(active, supervisor:count_children(Sup)),
    Stopping = erlang:monotonic_time(),
    stop(Sup),
    {nanoseconds(Started - Began), nanoseconds(erlang:monotonic_time() - Stopping)}.
