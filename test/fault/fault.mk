# The library of faults that tests load before server or trainer.

build/fault.so: test/fault/fault.c
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -O1 -g -Wall -Wextra -Werror -shared -fPIC -fexceptions -o $@ $< -ldl
