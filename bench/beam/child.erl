%% The children of the workloads with supervisors.
-module(child).
-behaviour(gen_server).
-export([start_link/0, named/2, phoenix/3, init/1, handle_call/3, handle_cast/2, handle_info/2]).

%% An idle child without a name.
start_link() -> gen_server:start_link(?MODULE, idle, []).

%% A child that counts its note; Seen says with whom, and whom to tell of the last.
named(Name, Seen) -> gen_server:start_link({local, Name}, ?MODULE, {idle, Seen}, []).

%% A child that crashes at every poison; its successor tells Parent how long after that it is initialised.
phoenix(Name, Parent, Fell) -> gen_server:start_link({local, Name}, ?MODULE, {phoenix, Parent, Fell}, []).

init({phoenix, Parent, Fell}) ->
    Took = erlang:monotonic_time() - atomics:get(Fell, 1),
    Parent ! {up, self(), Took},
    {ok, Fell};
init(State) ->
    {ok, State}.

handle_call(who, _From, State) -> {reply, self(), State}.

handle_cast(_, State) -> {noreply, State}.

handle_info(poison, Fell) ->
    atomics:put(Fell, 1, erlang:monotonic_time()),
    {stop, poisoned, Fell};
handle_info(note, {idle, {Parent, Seen, N}} = State) ->
    case atomics:add_get(Seen, 1, 1) of
        N -> Parent ! done;
        _ -> ok
    end,
    {noreply, State}.
