%% The workloads of the benchmark, for Erlang. A command is a line "Name N" on standard input, the answer a line
%% "Name Figure" on standard output: nanoseconds per operation, or bytes per process. The program ends with its input.
-module(bench).
-behaviour(gen_server).
-export([main/0, init/1, handle_call/3, handle_cast/2]).

-define(CHUNK, 4096).      % messages per credit, as in flow.go
-define(CREDITS, 4).
-define(SPAWN_CHUNK, 256).
-define(PAIRS, 1000).
-define(RING, 10000).
-define(TIMEOUT, 30000).

main() ->
    logger:set_primary_config(level, none), % reports of crashes would stand between the answers
    io:format("ready ~s/~s~n", [erlang:system_info(otp_release), erlang:system_info(version)]),
    loop().

loop() ->
    case io:get_line('') of
        Line when is_list(Line) ->
            [Name, N] = string:lexemes(Line, " \n"),
            perform(Name, list_to_integer(N)),
            loop();
        _ ->
            halt(0)
    end.

%% Every command runs in a process of its own, so that no garbage and no message is left for the next.
perform(Name, N) ->
    {Pid, Ref} = spawn_monitor(fun() -> exit({figure, run(Name, N)}) end),
    receive
        {'DOWN', Ref, process, Pid, {figure, Figure}} ->
            io:format("~s ~.3f~n", [Name, float(Figure)]);
        {'DOWN', Ref, process, Pid, Reason} ->
            io:format("error ~s ~s~n", [Name, one_line(Reason)])
    end.

one_line(Term) ->
    [case C of $\n -> $\s; _ -> C end || C <- lists:flatten(io_lib:format("~0p", [Term]))].

run("send", N) -> send(1, N);
run("fan_in", N) -> send(erlang:system_info(schedulers_online), N);
run("ping_pong", N) -> rings(1, 2, N);
run("pairs", N) -> rings(?PAIRS, 2, N);
run("ring", N) -> rings(1, ?RING, N);
run("ask", N) -> ask(N);
run("spawn", N) -> spawn_exit(N);
run("idle", N) -> idle(N);
run("random", N) -> random(N);
run("population", N) -> population(N);
run("skynet", N) -> skynet(N);
run("far_" ++ _ = Name, N) -> far:run(Name, N);
run(Name, N) -> family:run(Name, N).

%% per_op(Start, N): nanoseconds since Start, for each of N operations.
per_op(Start, N) ->
    erlang:convert_time_unit(erlang:monotonic_time() - Start, native, nanosecond) / N.

%% ---- sending ----

send(Producers, N) ->
    Per = (N + Producers - 1) div Producers,
    Parent = self(),
    Sink = spawn_link(fun() -> sink(Parent, Producers * Per) end),
    Msg = {note, <<"text">>},
    Credits = max(?CREDITS, 2 * Producers),
    Bank = spawn_link(fun() -> bank(Credits) end),
    Sink ! {bank, Bank},
    Start = erlang:monotonic_time(),
    [spawn_link(fun() -> produce(Sink, Bank, Msg, Per) end) || _ <- lists:seq(1, Producers)],
    await(done),
    Figure = per_op(Start, Producers * Per),
    unlink(Bank),
    exit(Bank, kill),
    Figure.

produce(_, _, _, 0) -> ok;
produce(Sink, Bank, Msg, Left) ->
    Bank ! {take, self()},
    await(credit),
    K = min(Left, ?CHUNK),
    burst(Sink, Msg, K),
    produce(Sink, Bank, Msg, Left - K).

burst(_, _, 0) -> ok;
burst(Sink, Msg, K) ->
    Sink ! Msg,
    burst(Sink, Msg, K - 1).

%% The bank hands a credit to whoever asks, as soon as there is one.
bank(0) ->
    receive give -> bank(1) end;
bank(Credits) ->
    receive
        give -> bank(Credits + 1);
        {take, Pid} -> Pid ! credit, bank(Credits - 1)
    end.

sink(Parent, N) ->
    receive {bank, Bank} -> sink(Parent, Bank, N, ?CHUNK) end.

sink(Parent, _, 0, _) ->
    Parent ! done;
sink(Parent, Bank, N, 0) ->
    Bank ! give,
    sink(Parent, Bank, N, ?CHUNK);
sink(Parent, Bank, N, UntilCredit) ->
    receive {note, _} -> sink(Parent, Bank, N - 1, UntilCredit - 1) end.

await(What) ->
    receive What -> ok after ?TIMEOUT -> exit({timeout, What}) end.

%% ---- passing balls round ----

rings(Rings, Size, N) ->
    Hops = max((N + Rings - 1) div Rings, 1),
    Parent = self(),
    Firsts = [ring(Parent, Size) || _ <- lists:seq(1, Rings)],
    Start = erlang:monotonic_time(),
    [First ! {ball, Hops} || {First, _} <- Firsts],
    [await(ball_done) || _ <- Firsts],
    Figure = per_op(Start, Hops * Rings),
    [exit(Pid, kill) || {_, All} <- Firsts, Pid <- All],
    Figure * Hops * Rings / N.

ring(Parent, Size) ->
    All = [spawn(fun() -> receive {next, Next} -> player(Parent, Next) end end) || _ <- lists:seq(1, Size)],
    [First | Rest] = All,
    lists:foreach(fun({P, Next}) -> P ! {next, Next} end, lists:zip(All, Rest ++ [First])),
    {First, All}.

player(Parent, Next) ->
    receive
        {ball, 1} -> Parent ! ball_done;
        {ball, Left} -> Next ! {ball, Left - 1}
    end,
    player(Parent, Next).

%% ---- ask: gen_server:call ----

ask(N) ->
    {ok, Pid} = gen_server:start_link(?MODULE, [], []),
    Start = erlang:monotonic_time(),
    ask_loop(Pid, N),
    Figure = per_op(Start, N),
    gen_server:stop(Pid),
    Figure.

ask_loop(_, 0) -> ok;
ask_loop(Pid, N) ->
    M = N + 1,
    M = gen_server:call(Pid, {question, N}, ?TIMEOUT),
    ask_loop(Pid, N - 1).

init([]) -> {ok, none}.
handle_call({question, N}, _From, State) -> {reply, N + 1, State}.
handle_cast(_, State) -> {noreply, State}.

%% ---- processes ----

spawn_exit(N) ->
    Parent = self(),
    Start = erlang:monotonic_time(),
    spawn_exit(Parent, N, 0),
    per_op(Start, N).

%% At most ?CREDITS * ?SPAWN_CHUNK processes are alive at a time.
spawn_exit(_, 0, 0) -> ok;
spawn_exit(Parent, Left, Alive) when Left > 0, Alive =< (?CREDITS - 1) * ?SPAWN_CHUNK ->
    K = min(Left, ?SPAWN_CHUNK),
    spawn_some(Parent, K),
    spawn_exit(Parent, Left - K, Alive + K);
spawn_exit(Parent, Left, Alive) ->
    K = min(Alive, ?SPAWN_CHUNK),
    [await(ended) || _ <- lists:seq(1, K)],
    spawn_exit(Parent, Left, Alive - K).

spawn_some(_, 0) -> ok;
spawn_some(Parent, K) ->
    spawn(fun() -> Parent ! ended end),
    spawn_some(Parent, K - 1).

%% Bytes per process that has handled one message and waits for the next.
idle(N) ->
    Before = memory:settled([]),
    Pids = idlers(N),
    Memory = erlang:memory(total) - Before - N * 2 * erlang:system_info(wordsize), % less the list of pids
    [exit(P, kill) || P <- Pids],
    Memory / N.

idlers(N) ->
    Seen = atomics:new(1, []),
    Self = self(),
    Pids = [spawn(fun() -> idler(Self, Seen, N) end) || _ <- lists:seq(1, N)],
    [P ! note || P <- Pids],
    await(done),
    Pids.

idler(Parent, Seen, N) ->
    receive
        note ->
            case atomics:add_get(Seen, 1, 1) of
                N -> Parent ! done;
                _ -> ok
            end,
            idler(Parent, Seen, N);
        {tick, From, Left} ->
            case atomics:sub_get(Left, 1, 1) of
                0 -> From ! ticked;
                _ -> ok
            end,
            idler(Parent, Seen, N)
    end.

%% population(N) leaves N processes for random(), or ends them if N is 1.
population(1) ->
    case persistent_term:get(population, none) of
        none -> 1;
        Pids ->
            persistent_term:erase(population),
            [exit(P, kill) || P <- tuple_to_list(Pids)],
            1
    end;
population(N) ->
    persistent_term:put(population, list_to_tuple(idlers(N))),
    N.

random(N) ->
    Pids = persistent_term:get(population),
    Start = erlang:monotonic_time(),
    random(Pids, tuple_size(Pids), 16#9E3779B9, N, 0),
    per_op(Start, N).

random(_, _, _, 0, 0) -> ok;
random(Pids, Size, Seed, Left, Open) when Left > 0, Open < ?CREDITS ->
    K = min(Left, ?CHUNK),
    Counter = atomics:new(1, []),
    atomics:put(Counter, 1, K),
    Next = random_burst(Pids, Size, Seed, Counter, K),
    random(Pids, Size, Next, Left - K, Open + 1);
random(Pids, Size, Seed, Left, Open) ->
    await(ticked),
    random(Pids, Size, Seed, Left, Open - 1).

random_burst(_, _, Seed, _, 0) -> Seed;
random_burst(Pids, Size, Seed, Counter, K) ->
    Next = (Seed * 1664525 + 1013904223) band 16#FFFFFFFF,
    element((Next bsr 4) rem Size + 1, Pids) ! {tick, self(), Counter},
    random_burst(Pids, Size, Next, Counter, K - 1).

%% skynet(N): a tree of processes with N leaves, ten children each; the leaves' numbers are summed up the tree.
skynet(N) ->
    Self = self(),
    Start = erlang:monotonic_time(),
    spawn(fun() -> skynet(Self, 0, N) end),
    Sum = receive {sum, S} -> S after ?TIMEOUT -> exit(timeout) end,
    Figure = per_op(Start, N),
    Sum = N * (N - 1) div 2,
    Figure.

skynet(Parent, Num, 1) ->
    Parent ! {sum, Num};
skynet(Parent, Num, Size) ->
    Self = self(),
    Part = Size div 10,
    [spawn(fun() -> skynet(Self, Num + I * Part, Part) end) || I <- lists:seq(0, 9)],
    Parent ! {sum, lists:sum([receive {sum, S} -> S end || _ <- lists:seq(1, 10)])}.
