package cloud

import (
	"context"

	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/access"
	"github.com/grovecloud/grove/internal/rest"
)

// mountSignIn mounts what comes before and after the login call itself.
func (f *face) mountSignIn(rt *rest.Router) {
	refresh := post(userService+"/user/refreshtoken", tagAccount, "New tokens for a refresh token that still counts")
	refresh.Open = true
	refresh.About = "The body's token is the credential; a bearer beside it is not looked at. The session lives on, and a logout with any of its tokens ends it."
	rest.Handle(rt, refresh, f.refresh)
}

// tokensOf is the answer that hands over tokens.
func tokensOf(t access.Tokens) cloudapi.Login {
	return cloudapi.Login{
		AccessToken: t.Access, RefreshToken: t.Refresh, Success: true,
		ExpiresIn: seconds(t.ExpiresIn), RefreshExpiresIn: seconds(t.RefreshExpiresIn),
	}
}

// refreshInput takes any body, also none: what is not a token is 401.
type refreshInput struct {
	Body *cloudapi.RefreshRequest
}

func (f *face) refresh(ctx context.Context, in *refreshInput) (cloudapi.Login, error) {
	var token string
	if in.Body != nil {
		token = string(in.Body.RefreshToken)
	}
	actor, err := f.Access.Authenticate(ctx, token)
	if err != nil {
		return cloudapi.Login{}, err
	}
	if err := rest.CountAs(ctx, actor); err != nil {
		return cloudapi.Login{}, err
	}
	t, err := f.Access.Refresh(ctx, actor)
	if err != nil {
		return cloudapi.Login{}, err
	}
	return tokensOf(t), nil
}
