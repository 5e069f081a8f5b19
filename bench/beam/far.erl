%% The workloads between two nodes. This node performs them; the other one is named by the flag -far, runs main/0 and ends with
%% its input.
-module(far).
-export([main/0, run/2, sink/2, drain/0, echo/0, idle/0]).

-define(TIMEOUT, 30000).
-define(BLOCK, 1048576).
-define(PACE, 2).        % milliseconds between two requests beside the stream
-define(DEPTH, 64).      % requests under way at a time

main() ->
    logger:set_primary_config(level, none),
    io:format("ready ~s~n", [node()]),
    wait().

wait() ->
    case io:get_line('') of
        Line when is_list(Line) -> wait();
        _ -> halt(0)
    end.

other() ->
    {ok, [[Name]]} = init:get_argument(far),
    Node = list_to_atom(Name),
    pong = net_adm:ping(Node),
    Node.

run("far_send", N) -> send(other(), 1, N);
run("far_fan_in", N) -> send(other(), erlang:system_info(schedulers_online), N);
run("far_ask", N) -> ask(other(), N);
run("far_pipeline", N) -> pipeline(other(), N);
run("far_stream", N) -> stream(other(), N);
run("far_spawn", N) -> spawn_there(other(), N);
run("far_down", N) -> down(other(), N).

per_op(Start, N) ->
    erlang:convert_time_unit(erlang:monotonic_time() - Start, native, nanosecond) / N.

await(What) ->
    receive What -> ok after ?TIMEOUT -> exit({timeout, What}) end.

%% ---- one way ----

send(Node, Producers, N) ->
    Per = (N + Producers - 1) div Producers,
    Sink = spawn_link(Node, ?MODULE, sink, [self(), Producers * Per]),
    Start = erlang:monotonic_time(),
    [spawn_link(fun() -> produce(Sink, 0, Per) end) || _ <- lists:seq(1, Producers)],
    Sum = Producers * (Per * (Per - 1) div 2),
    await({sum, Sum}),
    per_op(Start, Producers * Per).

produce(_, N, N) -> ok;
produce(Sink, I, N) ->
    Sink ! {item, I, 7, <<"a name">>},
    produce(Sink, I + 1, N).

sink(Parent, N) -> sink(Parent, N, 0).

sink(Parent, 0, Sum) -> Parent ! {sum, Sum};
sink(Parent, N, Sum) ->
    receive {item, I, _, _} -> sink(Parent, N - 1, Sum + I) end.

%% ---- requests ----

echo_there(Node) -> spawn_link(Node, ?MODULE, echo, []).

echo() ->
    {ok, Pid} = gen_server:start_link(bench, [], []),
    receive {who, From} -> From ! {echo, Pid} end,
    receive stop -> gen_server:stop(Pid) end.

with_echo(Node, Work) ->
    Host = echo_there(Node),
    Host ! {who, self()},
    Pid = receive {echo, P} -> P after ?TIMEOUT -> exit({timeout, echo}) end,
    Figure = Work(Pid),
    Host ! stop,
    Figure.

ask(Node, N) ->
    with_echo(Node, fun(Pid) ->
        Start = erlang:monotonic_time(),
        ask_loop(Pid, N),
        per_op(Start, N)
    end).

ask_loop(_, 0) -> ok;
ask_loop(Pid, N) ->
    M = N + 1,
    M = gen_server:call(Pid, {question, N}, ?TIMEOUT),
    ask_loop(Pid, N - 1).

pipeline(Node, N) ->
    with_echo(Node, fun(Pid) ->
        Start = erlang:monotonic_time(),
        pipeline(Pid, queue:new(), 0, 0, N),
        per_op(Start, N)
    end).

pipeline(_, _, _, N, N) -> ok;
pipeline(Pid, Open, Sent, Got, N) when Sent < N, Sent - Got < ?DEPTH ->
    pipeline(Pid, queue:in(gen_server:send_request(Pid, {question, Sent}), Open), Sent + 1, Got, N);
pipeline(Pid, Open, Sent, Got, N) ->
    {{value, Request}, Rest} = queue:out(Open),
    M = Got + 1,
    {reply, M} = gen_server:receive_response(Request, ?TIMEOUT),
    pipeline(Pid, Rest, Sent, M, N).

%% stream(N): the 99th percentile, in nanoseconds, of N calls while another process sends blocks of 1 MB to a third.
stream(Node, N) ->
    Drain = spawn_link(Node, ?MODULE, drain, []),
    Block = block(),
    Self = self(),
    Stream = spawn_link(fun() -> blocks(Self, Drain, Block, 0) end),
    await(flowing),
    Figure = with_echo(Node, fun(Pid) ->
        Times = lists:sort([timed_call(Pid, I) || I <- lists:seq(1, N)]),
        lists:nth(max(1, ceil(N * 0.99)), Times)
    end),
    unlink(Stream),
    exit(Stream, kill),
    Drain ! {stop, self()},
    await(drained),
    float(erlang:convert_time_unit(Figure, native, nanosecond)).

%% Nothing is compressed between nodes, so any bytes do.
block() -> binary:copy(<<"0123456789abcdef">>, ?BLOCK div 16).

blocks(Parent, Drain, Block, 16) ->
    Parent ! flowing,
    blocks(Parent, Drain, Block, 17);
blocks(Parent, Drain, Block, N) ->
    Drain ! {block, Block},
    blocks(Parent, Drain, Block, N + 1).

drain() ->
    receive
        {block, B} when byte_size(B) =:= ?BLOCK -> drain();
        {stop, From} -> From ! drained
    end.

timed_call(Pid, I) ->
    receive after ?PACE -> ok end,
    Start = erlang:monotonic_time(),
    M = I + 1,
    M = gen_server:call(Pid, {question, I}, ?TIMEOUT),
    erlang:monotonic_time() - Start.

%% ---- life ----

spawn_there(Node, N) ->
    Start = erlang:monotonic_time(),
    Pids = idlers(Node, N),
    Figure = per_op(Start, N),
    kill_all(Pids),
    Figure.

idlers(Node, N) -> [spawn(Node, ?MODULE, idle, []) || _ <- lists:seq(1, N)].

idle() -> receive stop -> ok end.

down(Node, N) ->
    Pids = idlers(Node, N),
    Start = erlang:monotonic_time(),
    kill_all(Pids),
    per_op(Start, N).

kill_all(Pids) ->
    lists:foreach(fun(Pid) ->
        Ref = monitor(process, Pid),
        exit(Pid, kill),
        await({'DOWN', Ref, process, Pid, killed})
    end, Pids).
