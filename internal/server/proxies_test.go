package server

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

func TestANamedProxyIsBelievedInTheRunningServer(t *testing.T) {
	t.Parallel()
	for name, named := range map[string]bool{"named": true, "not named": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var said journal
			c := testConfig(t)
			c.Log = said.log()
			if named {
				c.Proxies = []string{"127.0.0.1", "10.0.0.0/8"}
			}
			h := owned(t, c)
			body := fmt.Sprintf(`{"account":%q,"password":%q}`, ownerEmail, ownerPassword)
			r, err := http.NewRequestWithContext(t.Context(), "POST", h.info.HTTP+"/v1/user-service/user/login", strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("X-Forwarded-For", "198.51.100.1, 203.0.113.5, 10.0.0.9")
			res, err := web.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			want := 0
			if named {
				want = 1
			}
			if n := said.count("remote=203.0.113.5"); res.StatusCode != 200 || n != want {
				t.Errorf("%d, and the log names the client %d times", res.StatusCode, n)
			}
		})
	}
}

func TestProxiesThatAreNoneAreRefused(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"", "proxy.lan", "10.0.0.0/33", "0.0.0.0/0", "::/0", "10.0.0.1:80"} {
		c := testConfig(t)
		c.Proxies = []string{"127.0.0.1", bad}
		if err := c.check(); err == nil || !strings.Contains(err.Error(), "--trusted-proxies") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
