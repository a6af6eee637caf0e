// Package consumer is the group coordinator's pure core: consumer groups of the classic protocol and their committed offsets.
package consumer
