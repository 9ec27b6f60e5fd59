# The store disk's UUID, the same in every image: a guest finds its disk by it, and an image that is built again is the same
# to the bit. ("keystone-store", in ASCII.)
"6b657973-746f-6e65-8d73-746f72650000"
