package registry

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// login puts credentials for a host where docker login does.
func login(t *testing.T, host, user, password string) {
	t.Helper()
	config := map[string]any{"auths": map[string]any{host: map[string]string{"auth": base64.StdEncoding.EncodeToString([]byte(user + ":" + password))}}}
	data, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(os.Getenv("DOCKER_CONFIG"), "config.json"), data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// mine reports whether a request has the right password.
func mine(r *http.Request) bool {
	user, password, ok := r.BasicAuth()
	return ok && user == "me" && password == "secret"
}

// basic asks for a password.
func basic(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !mine(r) {
			w.Header().Set("WWW-Authenticate", `Basic realm="here"`)
			http.Error(w, `{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}`, http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// tokens asks for a token of a server of its own, which gives one for the password: to read and
// write in me/, to read elsewhere.
func tokens(t *testing.T, next http.Handler) http.Handler {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !mine(r) {
			http.Error(w, `{"errors":[{"code":"UNAUTHORIZED","message":"incorrect username or password"}]}`, http.StatusUnauthorized)
			return
		}
		token := "reads"
		if scope := strings.Join(r.URL.Query()["scope"], " "); strings.Contains(scope, "repository:me/") && strings.Contains(scope, "push") {
			token = "writes"
		}
		fmt.Fprintf(w, `{"token":%q,"expires_in":300}`, token)
	}))
	t.Cleanup(server.Close)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		actions := "pull"
		allowed := r.Header.Get("Authorization") == "Bearer reads" || r.Header.Get("Authorization") == "Bearer writes"
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			actions = "pull,push"
			if r.Header.Get("Authorization") == "Bearer reads" {
				http.Error(w, `{"errors":[{"code":"DENIED","message":"requested access to the resource is denied"}]}`, http.StatusForbidden)
				return
			}
		}
		if !allowed {
			name := strings.TrimPrefix(r.URL.Path, "/v2/")
			name, _, _ = strings.Cut(name, "/digits")
			w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="%s/token",service="here",scope="repository:%s/digits:%s"`, server.URL, name, actions))
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// Credentials come from docker's configuration; what is wrong with them is said in one line.
func TestLogin(t *testing.T) {
	for name, wrap := range map[string]func(http.Handler) http.Handler{
		"basic":  basic,
		"tokens": func(h http.Handler) http.Handler { return tokens(t, h) },
	} {
		t.Run(name, func(t *testing.T) {
			host := serve(t, wrap(servers["ggcr"]()))
			at := host + "/me/digits:1"
			for who, test := range map[string]struct{ password, want string }{"nobody": {"", "log in with docker login " + host}, "wrong password": {"guess", "log in with docker login " + host}} {
				if test.password != "" {
					login(t, host, "me", test.password)
				}
				_, _, err := New(Options{}).Push(t.Context(), at, digits("1"), facts)
				oneLine(t, who, err, test.want)
				_, err = New(Options{}).Resolve(t.Context(), at)
				oneLine(t, who, err, test.want)
				if !errors.Is(err, ErrDenied) || strings.Contains(err.Error(), "guess") {
					t.Errorf("%s: %v", who, err)
				}
			}
			login(t, host, "me", "secret")
			a := push(t, at, digits("1"))
			checkPull(t, New(Options{}), a)
			if name == "tokens" {
				_, _, err := New(Options{}).Push(t.Context(), host+"/other/digits:1", digits("1"), facts)
				oneLine(t, "no right", err, "does not allow this")
			}
		})
	}
}
