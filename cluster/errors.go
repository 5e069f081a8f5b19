package cluster

import (
	"errors"
	"fmt"

	"github.com/foundation-runtime/foundation/cluster/transport"
	"github.com/foundation-runtime/foundation/cluster/view"
)

// Why a node cannot join, or cannot be talked to.
var (
	// ErrDuplicateName: a living member has the name. Give the node a name of its own.
	ErrDuplicateName = view.ErrDuplicateName
	// ErrCluster: the node that answers belongs to a cluster of another name.
	ErrCluster = transport.ErrCluster
	// ErrProtocol: the node that answers speaks versions that this one does not.
	ErrProtocol = transport.ErrProtocol
	// ErrFact: a setting that must be equal at all nodes, such as Partitions, is not.
	ErrFact = transport.ErrFact
	// ErrGossipKey: the node that answers does not know any of Config.GossipKeys.
	ErrGossipKey = errors.New("cluster: the gossip keys differ; give all nodes the same first key, or all keys while they change")
	// ErrInsecure: a profile for production without TLS or without a gossip key.
	ErrInsecure = errors.New("cluster: production needs TLS and GossipKeys; give both, or set Insecure to say that the network is trusted")
	// ErrLeft: the node has left the cluster.
	ErrLeft = errors.New("cluster: the node has left")
	// ErrNotMember: there is no such member now.
	ErrNotMember = errors.New("cluster: no such member")
	// ErrUnknownKind: the node asked knows no kind of that name. Add it to its Config.Kinds.
	ErrUnknownKind = errors.New("cluster: unknown kind")
)

// ConfigError says which field of [Config] is wrong, why, and how to put it right.
type ConfigError struct {
	Field string
	Value any
	Why   string
	Cure  string
}

func (e *ConfigError) Error() string {
	return fmt.Sprintf("cluster: Config.%s is %#v: %s; %s", e.Field, e.Value, e.Why, e.Cure)
}
