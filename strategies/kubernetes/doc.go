// Package kubernetes finds peers by watching the EndpointSlices of a service through the API server, as the pod's
// service account. A change is seen when the API server knows of it, without polling.
//
// The service account needs to list and watch them:
//
//	apiVersion: rbac.authorization.k8s.io/v1
//	kind: Role
//	metadata: {name: foundation-peers}
//	rules: [{apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs: ["list", "watch"]}]
//
// Without such rights use package dns with a headless service.
//
// # Guarantees
//
//   - Every endpoint is a peer, ready or not, so that nodes find each other before they are ready; those that terminate
//     are not. The name of a peer is that of its pod.
//   - An error removes nobody: an answer that is not a whole list of slices or a well-formed event is an error.
//   - A watch that the server ends goes on from where it ended. After an error, and when the server does not remember
//     that place (410), the slices are listed anew. Attempts that fail are repeated after 1 s, and then more seldom, up
//     to 30 s.
//   - Token and certificate authority are read again for every watch, as Kubernetes replaces them.
//
// # Not guaranteed
//
//   - A connection that dies silently is noticed when WatchTimeout is over.
//   - Tests run against a server that speaks the list and watch protocol, pages, bookmarks and 410 included, not against
//     a real API server.
//
// # Limits
//
// One service in one namespace. A page of a list, and an event, up to 16 MiB.
package kubernetes
