package own_test

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/rest/resttest"
)

func TestAKeyIsToldOnce(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "off")
	made := resttest.Call[cloudapi.Data[cloudapi.KeyCreated]](t, h, 201, "POST", service+"/keys", `{"name":"script","scopes":["printer:read"],"all_printers":true}`)
	secret := string(made.Data.Secret)
	if !strings.HasPrefix(secret, "grove_") {
		t.Fatalf("key %q", secret)
	}
	list := h.Ask("GET", service+"/keys", "").Body.String()
	if strings.Contains(list, secret) || strings.Contains(list, "hash") || strings.Contains(h.Log.String(), secret) {
		t.Errorf("the key is told again: %s", list)
	}
	if w := h.Ask("GET", service+"/printers", "", "Authorization", "Bearer "+secret); w.Code != 200 {
		t.Errorf("the key as a bearer: %d %s", w.Code, w.Body)
	}
	keys := resttest.Call[cloudapi.Data[[]grove.Key]](t, h, 200, "GET", service+"/keys", "")
	if len(keys.Data) != 1 || keys.Data[0].UsedAt.IsZero() {
		t.Errorf("its use is not shown: %+v", keys.Data)
	}
	resttest.Refused(t, h, 400, 400, "POST", service+"/keys", `{"name":"script","scopes":["printer:*"]}`)
	resttest.Refused(t, h, 400, 400, "POST", service+"/keys", `{"name":"script","scopes":["printer:read"],"everything":true}`)
	resttest.Refused(t, h, 404, 1003, "POST", service+"/keys", `{"name":"script","scopes":["printer:read"],"printers":["01P00A000000009"]}`)
}

func TestTheAnswersOfAPersonAreNotRepeatedToTheirPrograms(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "off")
	const bind, wish = "/v1/iot-service/api/user/bind", `{"device_id":"01P00A000000001","device_name":"Bench"}`
	resttest.Call[cloudapi.Bound](t, h, 200, "POST", bind, wish, "Idempotency-Key", "k")
	made := resttest.Call[cloudapi.Data[cloudapi.KeyCreated]](t, h, 201, "POST", service+"/keys", `{"name":"x","scopes":["device:bind"],"all_printers":true}`)
	w := h.Ask("POST", bind, wish, "Idempotency-Key", "k", "Authorization", "Bearer "+string(made.Data.Secret))
	if w.Header().Get("Idempotency-Replayed") != "" {
		t.Errorf("it was: %s", w.Body)
	}
}

func TestTheAuditIsListedAndExported(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "off")
	bob := []string{"Authorization", "Bearer " + h.SignIn(t, "bob@grove.local", grove.Operator)}
	for i := range 3 {
		resttest.Call[cloudapi.Data[any]](t, h, 201, "POST", service+"/keys", fmt.Sprintf(`{"name":"=key %d","scopes":[]}`, i))
	}
	mine := resttest.Call[cloudapi.Data[[]grove.AuditEntry]](t, h, 200, "GET", service+"/audit", "")
	whole := resttest.Call[cloudapi.Data[[]grove.AuditEntry]](t, h, 200, "GET", service+"/audit?all=true", "")
	if len(whole.Data) <= len(mine.Data) || mine.Data[0].Action != "key.create" {
		t.Errorf("%d of mine, %d in all", len(mine.Data), len(whole.Data))
	}
	resttest.Refused(t, h, 403, 403, "GET", service+"/audit?all=true", "", bob...)
	resttest.Refused(t, h, 403, 403, "GET", service+"/audit/export?all=true", "", bob...)
	resttest.Refused(t, h, 400, 400, "GET", service+"/audit/export?format=pdf", "")

	lines := strings.Split(strings.TrimSpace(h.Ask("GET", service+"/audit/export?all=true", "").Body.String()), "\n")
	var first grove.AuditEntry
	if err := json.Unmarshal([]byte(lines[0]), &first); err != nil || len(lines) != len(whole.Data) || first.ID != whole.Data[0].ID {
		t.Errorf("%d lines, the first %+v, %v", len(lines), first, err)
	}
	w := h.Ask("GET", service+"/audit/export?format=csv", "")
	rows, err := csv.NewReader(w.Body).ReadAll()
	if err != nil || len(rows) != len(mine.Data)+1 || rows[0][2] != "actor" || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/csv") {
		t.Errorf("%d rows, %v, as %q", len(rows), err, w.Header().Get("Content-Type"))
	}
}

func TestAnExportGoesThroughAllPages(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "off")
	for i := range 1100 {
		if err := h.DB.AddAudit(t.Context(), grove.AuditEntry{Actor: "system", UserID: h.UserID, Action: "test", Detail: fmt.Sprintf("=%d", i)}); err != nil {
			t.Fatal(err)
		}
	}
	rows, err := csv.NewReader(h.Ask("GET", service+"/audit/export?format=csv", "").Body).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, row := range rows[1:] {
		seen[row[0]] = true
		if strings.HasPrefix(row[5], "=") {
			t.Fatalf("a formula: %q", row[5])
		}
	}
	if len(seen) < 1100 || len(seen) != len(rows)-1 {
		t.Errorf("%d rows with %d ids", len(rows)-1, len(seen))
	}
}

func TestAnOwnerGivesRoles(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "off")
	bob := []string{"Authorization", "Bearer " + h.SignIn(t, "bob@grove.local", grove.Operator)}
	users := resttest.Call[cloudapi.Data[[]grove.User]](t, h, 200, "GET", service+"/users", "")
	if len(users.Data) != 2 || users.Data[0].Email != "bob@grove.local" {
		t.Fatalf("users %+v", users.Data)
	}
	resttest.Refused(t, h, 403, 403, "GET", service+"/users", "", bob...)
	const bind, wish = "/v1/iot-service/api/user/bind", `{"device_id":"01P00A000000001","device_name":"Bench"}`
	resttest.Call[cloudapi.Data[grove.User]](t, h, 200, "PUT", fmt.Sprintf("%s/users/%d/role", service, users.Data[0].ID), `{"role":"viewer"}`)
	resttest.Refused(t, h, 403, 403, "POST", bind, wish, bob...)
	resttest.Call[cloudapi.Data[grove.User]](t, h, 200, "PUT", fmt.Sprintf("%s/users/%d/role", service, users.Data[0].ID), `{"role":"operator"}`)
	resttest.Call[cloudapi.Bound](t, h, 200, "POST", bind, wish, bob...)
	resttest.Refused(t, h, 409, 409, "PUT", fmt.Sprintf("%s/users/%d/role", service, h.UserID), `{"role":"viewer"}`)
}
