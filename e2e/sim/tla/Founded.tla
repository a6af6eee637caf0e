---- MODULE Founded ----
(* Traces of Troupe's replicas for Traceetcdraft, the trace specification in tla/ of the module go.etcd.io/raft/v3. Two things differ from what it expects:

   A shard is founded, not bootstrapped: every log begins with the same entries of term 5 (raft.Founding).

   Storage is written asynchronously. A Ready hands a write out, and a crash may find it undone: what a replica restarts with is anything from a beginning of its
   log and an older commit index on. Whether enough was durable is not asked here but by the invariants: if something that others count on was lost, they fail. *)
EXTENDS Traceetcdraft

FoundingEntry(i) == [term |-> 5, type |-> "ConfigEntry", value |-> [newconf |-> BootstrappedConfig(i), learners |-> {}]]

FoundedInitLogVars ==
    /\ log = [i \in Server |-> [index \in 1..LastBootstrapLog[i].event.log |-> FoundingEntry(i)]]
    /\ commitIndex = [i \in Server |-> LastBootstrapLog[i].event.state.commit]

\* Server i crashes and restarts in a term, with a vote, with the first n entries of its log and a commit index.
Crash(i, term, vote, n, commit) ==
    /\ term <= durableState[i].currentTerm
    /\ n <= Len(log[i])
    /\ commit <= Min({n, durableState[i].commitIndex})
    /\ state' = [state EXCEPT ![i] = Follower]
    /\ votesResponded' = [votesResponded EXCEPT ![i] = {}]
    /\ votesGranted' = [votesGranted EXCEPT ![i] = {}]
    /\ matchIndex' = [matchIndex EXCEPT ![i] = [j \in Server |-> 0]]
    /\ pendingConfChangeIndex' = [pendingConfChangeIndex EXCEPT ![i] = 0]
    /\ pendingMessages' = ClearPendingMessages(i)
    /\ currentTerm' = [currentTerm EXCEPT ![i] = term]
    /\ votedFor' = [votedFor EXCEPT ![i] = vote]
    /\ log' = [log EXCEPT ![i] = SubSeq(@, 1, n)]
    /\ commitIndex' = [commitIndex EXCEPT ![i] = commit]
    /\ config' = [config EXCEPT ![i] = durableState[i].config]
    /\ durableState' = [durableState EXCEPT ![i] =
        [currentTerm |-> term, votedFor |-> vote, log |-> n, commitIndex |-> commit, config |-> @.config]]
    /\ UNCHANGED <<messages, reconfigCount>>

FoundedRestartIfLogged(i) ==
    /\ LoglineIsNodeEvent("InitState", i)
    /\ LET s == logline.event IN Crash(i, s.state.term, s.state.vote, s.log, s.state.commit)
    /\ ValidatePostStates(i)

\* What is implemented: etcd/raft's steps, and crashes.
FoundedSpec ==
    Init /\ [][NextDynamic \/ \E i \in Server : Crash(i, currentTerm'[i], votedFor'[i], Len(log'[i]), commitIndex'[i])]_vars
====
