// Package alibaba reads the instance metadata service of Alibaba Cloud, a tree of
// texts: the lists of what is there first, then what of it is used, side by side.
// It asks for no role's credentials and no user data.
package alibaba
