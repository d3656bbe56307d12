package cloud_test

import (
	"fmt"
	"testing"

	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/rest/resttest"
)

const refreshing = user + "/user/refreshtoken"

func refreshBody(token string) string { return fmt.Sprintf(`{"refreshToken":%q}`, token) }

func TestARefreshTokenGivesANewPairUntilTheLogout(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "off")
	old := h.Token
	got := resttest.Call[cloudapi.Login](t, h, 200, "POST", refreshing, refreshBody(old), "Authorization", "", "Content-Type", "text/plain")
	fresh := string(got.AccessToken)
	if fresh == "" || fresh == old || got.RefreshToken == "" || got.ExpiresIn != 7776000 || got.RefreshExpiresIn != 7776000 {
		t.Fatalf("got %+v", got)
	}
	for _, token := range []string{old, fresh} {
		resttest.Call[cloudapi.Profile](t, h, 200, "GET", user+"/my/profile", "", "Authorization", "Bearer "+token)
	}
	h.Ask("POST", user+"/my/logout", `{"refreshtoken":""}`, "Authorization", "Bearer "+fresh)
	for _, token := range []string{old, fresh} {
		resttest.Refused(t, h, 401, cloudapi.CodeInvalidToken, "GET", user+"/my/profile", "", "Authorization", "Bearer "+token)
		resttest.Refused(t, h, 401, cloudapi.CodeInvalidToken, "POST", refreshing, refreshBody(token), "Authorization", "")
	}
}

func TestWhatIsNoRefreshTokenIs401(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "off")
	for body, code := range map[string]int{``: 401, `{}`: 401, refreshBody(""): 401, refreshBody("nonsense"): 1001, refreshBody(h.Token + "x"): 1001} {
		resttest.Refused(t, h, 401, code, "POST", refreshing, body, "Authorization", "")
	}
}
