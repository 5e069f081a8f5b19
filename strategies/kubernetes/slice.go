package kubernetes

import (
	"fmt"
	"net"
	"strconv"

	"github.com/foundation-runtime/foundation/strategies"
)

// slice is what is used of an EndpointSlice.
type slice struct {
	Metadata  metadata   `json:"metadata"`
	Endpoints []endpoint `json:"endpoints"`
	Ports     []port     `json:"ports"`
}

type metadata struct {
	Name            string `json:"name"`
	ResourceVersion string `json:"resourceVersion"`
	Continue        string `json:"continue"`
}

type endpoint struct {
	Addresses  []string `json:"addresses"`
	Hostname   string   `json:"hostname"`
	Conditions struct {
		Terminating bool `json:"terminating"`
	} `json:"conditions"`
	TargetRef struct {
		Name string `json:"name"`
	} `json:"targetRef"`
}

type port struct {
	Name string `json:"name"`
	Port int    `json:"port"`
}

// sliceList is an answer to a list.
type sliceList struct {
	Kind     string   `json:"kind"`
	Metadata metadata `json:"metadata"`
	Items    []slice  `json:"items"`
}

// event is one line of a watch. Its object is a slice, or a status if the type is ERROR.
type event struct {
	Type   string `json:"type"`
	Object struct {
		slice
		Code    int    `json:"code"`
		Message string `json:"message"`
	} `json:"object"`
}

// peers are the endpoints of all slices.
func (c Config) peers(slices map[string]slice) (peers []strategies.Peer, err error) {
	for name, s := range slices {
		for _, e := range s.Endpoints {
			if e.Conditions.Terminating || len(e.Addresses) == 0 {
				continue
			}
			number, err := c.portOf(s)
			if err != nil {
				return nil, fmt.Errorf("slice %s: %w", name, err)
			}
			host := e.Addresses[0] // all are of the same endpoint
			if c.Hostnames && e.Hostname != "" {
				host = fmt.Sprintf("%s.%s.%s.svc.%s", e.Hostname, c.Service, c.Namespace, c.ClusterDomain)
			}
			peers = append(peers, strategies.Peer{Addr: net.JoinHostPort(host, strconv.Itoa(number)), Name: e.TargetRef.Name})
		}
	}
	return peers, nil
}

func (c Config) portOf(s slice) (int, error) {
	if c.Port != 0 {
		return c.Port, nil
	}
	if c.PortName == "" && len(s.Ports) == 1 {
		return s.Ports[0].Port, nil
	}
	for _, p := range s.Ports {
		if p.Name == c.PortName && c.PortName != "" {
			return p.Port, nil
		}
	}
	return 0, fmt.Errorf("none of its %d ports is the one of the cluster; set Port, or PortName to a name in the service", len(s.Ports))
}
