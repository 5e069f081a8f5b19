package kubernetes

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

const (
	maxBytes     = 16 << 20
	pageSize     = 500
	listTimeout  = 30 * time.Second
	errorExcerpt = 512
)

// errGone: the server does not remember the version that was asked for.
var errGone = errors.New("the server does not remember that version (410)")

// client speaks to the API server with the credentials of one moment.
type client struct {
	config Config
	token  string
	http   *http.Client
}

// connect reads the credentials. Without a certificate authority those of the system are used.
func (c Config) connect() (*client, error) {
	token, err := os.ReadFile(filepath.Join(c.AccountDir, "token"))
	if err != nil {
		return nil, fmt.Errorf("%w; run in a pod with automountServiceAccountToken, or set AccountDir", err)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.Proxy = nil // the API server is near
	ca, err := os.ReadFile(filepath.Join(c.AccountDir, "ca.crt"))
	if err == nil {
		roots := x509.NewCertPool()
		if !roots.AppendCertsFromPEM(ca) {
			return nil, fmt.Errorf("%s holds no certificate", filepath.Join(c.AccountDir, "ca.crt"))
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	} else if !os.IsNotExist(err) {
		return nil, err
	}
	refuse := func(*http.Request, []*http.Request) error {
		return errors.New("the API server redirects, which it never does")
	}
	return &client{c, strings.TrimSpace(string(token)), &http.Client{Transport: transport, CheckRedirect: refuse}}, nil
}

// get asks for slices of the service, and returns the body of a good answer.
func (c *client) get(ctx context.Context, query url.Values) (io.ReadCloser, error) {
	query.Set("labelSelector", "kubernetes.io/service-name="+c.config.Service)
	address := fmt.Sprintf("%s/apis/discovery.k8s.io/v1/namespaces/%s/endpointslices?%s", c.config.Server, c.config.Namespace, query.Encode())
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+c.token)
	request.Header.Set("Accept", "application/json")
	answer, err := c.http.Do(request)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode == http.StatusOK {
		return answer.Body, nil
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(answer.Body, errorExcerpt))
	switch answer.StatusCode {
	case http.StatusGone:
		return nil, errGone
	case http.StatusUnauthorized:
		return nil, fmt.Errorf("401: the token in %s is not accepted; is the service account still there?", c.config.AccountDir)
	case http.StatusForbidden:
		return nil, fmt.Errorf("403: the service account may not list and watch endpointslices in %s; bind it to the Role in the package documentation",
			c.config.Namespace)
	}
	return nil, fmt.Errorf("%s: %s", answer.Status, text)
}

// list asks for one page.
func (c *client) list(ctx context.Context, next string) (l sliceList, err error) {
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	query := url.Values{"limit": {strconv.Itoa(pageSize)}}
	if next != "" {
		query.Set("continue", next)
	}
	body, err := c.get(ctx, query)
	if err != nil {
		return l, err
	}
	defer body.Close()
	if err := json.NewDecoder(io.LimitReader(body, maxBytes)).Decode(&l); err != nil {
		return l, fmt.Errorf("the list cannot be read: %w", err)
	}
	if l.Kind != "EndpointSliceList" || l.Metadata.ResourceVersion == "" {
		return l, fmt.Errorf("the answer is %.64q and not a list of slices", l.Kind)
	}
	return l, nil
}

// watch calls each for what happened since version, until the server ends the watch.
func (c *client) watch(ctx context.Context, version string, each func(event) error) error {
	// The server ends it in time; the context is for one that does not.
	ctx, cancel := context.WithTimeout(ctx, c.config.WatchTimeout+listTimeout)
	defer cancel()
	body, err := c.get(ctx, url.Values{"watch": {"1"}, "resourceVersion": {version}, "allowWatchBookmarks": {"true"},
		"timeoutSeconds": {strconv.Itoa(int(c.config.WatchTimeout.Seconds()))}})
	if err != nil {
		return err
	}
	defer body.Close()
	limited := &io.LimitedReader{R: body}
	decoder := json.NewDecoder(limited)
	for {
		limited.N = maxBytes
		var e event
		switch err := decoder.Decode(&e); {
		case err == io.EOF && limited.N > 0:
			return nil
		case limited.N <= 0:
			return fmt.Errorf("an event is larger than %d bytes", maxBytes)
		case err != nil:
			return fmt.Errorf("the watch broke: %w", err)
		}
		if err := each(e); err != nil {
			return err
		}
	}
}
