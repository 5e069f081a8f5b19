package auto

import (
	"fmt"
	"net"
	"os"
	"strings"
)

// Sight is what can be seen of where the program runs.
type Sight struct {
	Peers      string   // FOUNDATION_PEERS: a list with commas
	DNS        string   // FOUNDATION_DNS
	Service    string   // FOUNDATION_SERVICE
	Kubernetes string   // KUBERNETES_SERVICE_HOST, if there also is a service account
	Consul     string   // CONSUL_HTTP_ADDR
	Multicast  []string // names of network interfaces that carry multicast
}

const accountToken = "/var/run/secrets/kubernetes.io/serviceaccount/token"

// Look sees where this program runs.
func Look() Sight {
	s := Sight{Peers: os.Getenv("FOUNDATION_PEERS"), DNS: os.Getenv("FOUNDATION_DNS"), Service: os.Getenv("FOUNDATION_SERVICE"),
		Consul: os.Getenv("CONSUL_HTTP_ADDR")}
	if _, err := os.Stat(accountToken); err == nil {
		s.Kubernetes = os.Getenv("KUBERNETES_SERVICE_HOST")
	}
	all, _ := net.Interfaces() // none seen is none there
	for _, i := range all {
		if i.Flags&net.FlagUp != 0 && i.Flags&net.FlagMulticast != 0 && i.Flags&net.FlagLoopback == 0 {
			s.Multicast = append(s.Multicast, i.Name)
		}
	}
	return s
}

// Choice is a row of the table in the package documentation.
type Choice string

// The choices.
const (
	Static      Choice = "static"
	DNS         Choice = "dns"
	Kubernetes  Choice = "kubernetes"
	Consul      Choice = "consul"
	FileAndMDNS Choice = "file and mdns"
	File        Choice = "file"
)

// Decision says what was chosen and why.
type Decision struct {
	Choice Choice
	Why    string
	Unused []string // what was seen, or is missing, and why it did not count
}

// String is one line for people.
func (d Decision) String() string {
	text := fmt.Sprintf("peers are found by %s: %s", d.Choice, d.Why)
	if len(d.Unused) > 0 {
		text += " (" + strings.Join(d.Unused, "; ") + ")"
	}
	return text
}

// Decide makes the choice.
func Decide(c Config, s Sight) Decision {
	var unused []string
	inPod, named := s.Kubernetes != "", or(c.Service, s.Service) != ""
	if inPod && !named {
		unused = append(unused, "this is a pod in Kubernetes, but Service or FOUNDATION_SERVICE does not name a service")
	}
	rows := []struct {
		choice Choice
		there  bool
		why    string
	}{
		{Static, len(c.Peers) > 0 || s.Peers != "", "a list is given"},
		{DNS, or(c.DNS, s.DNS) != "", "the name " + or(c.DNS, s.DNS) + " is given"},
		{Kubernetes, inPod && named, "this is a pod, and the service " + or(c.Service, s.Service) + " is given"},
		{Consul, s.Consul != "", "CONSUL_HTTP_ADDR names an agent"},
		{FileAndMDNS, len(c.Secret) > 0 && len(s.Multicast) > 0,
			"there is a Secret, and multicast on " + strings.Join(s.Multicast, ", ")},
		{File, true, "nothing else is configured"},
	}
	i := 0 // the last row is always there
	for !rows[i].there {
		i++
	}
	chosen := rows[i]
	for _, other := range rows[i+1:] {
		if other.there && other.choice != FileAndMDNS && other.choice != File {
			unused = append(unused, string(other.choice)+" is not used, though "+other.why)
		}
	}
	switch {
	case chosen.choice == File && len(c.Secret) == 0:
		unused = append(unused, "only processes of this user on this machine; give a Secret to look on the network")
	case chosen.choice == File:
		unused = append(unused, "only processes of this user on this machine; no network interface carries multicast")
	}
	return Decision{chosen.choice, chosen.why, unused}
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
